// The list of the latents panel, in a browser, with a fake host and the latents of the reference.
import assert from 'node:assert/strict';
import {
  ADD,
  events,
  host,
  latentsOn,
  listed,
  lock604,
  MAP,
  open,
  panel,
  place,
  row,
  sent,
  useLatents,
  encoding,
} from './panel/latentsSuite';

const { layers, active } = encoding;

describe('list of latents', () => {
  useLatents();

  it('is of the locked token, largest activation first', async () => {
    await open();
    await lock604();
    const wanted = latentsOn(ADD);
    assert.deepEqual((await listed()).slice(0, 12), wanted.slice(0, 12));
    assert.deepEqual(wanted.slice(0, 5), [54, 555, 604, 1612, 855], 'as in the drawing');
    assert.equal((await panel.page.locator('.latent-on').innerText()).trim(), 'on ·add');
    const text = await row(604).innerText();
    assert.match(text, /^#604\s+·add ·a ·b ·\+/);
    assert.match(text, /5\.60$/);
    assert.equal(await panel.page.locator('.latent-rows').getAttribute('data-rows'), String(wanted.length));
  });

  it('is of the whole text while no token is locked', async () => {
    await open();
    assert.deepEqual((await listed()).slice(0, 10), [...active.latent.slice(0, 10)]);
    assert.equal(await panel.page.locator('.latent-on').innerText(), 'max');
    assert.equal(await row(active.latent[0]!).locator('.latent-value').innerText(), active.max[0]!.toFixed(2));
  });

  it('has bars of the distribution over layers', async () => {
    await open();
    await lock604();
    const bars = row(604).locator('.spark i');
    const sums = layers.map((layer) => active.byLayer[place(604) * layers.length + layer]!);
    const most = Math.max(...sums);
    const heights = await bars.evaluateAll((all) =>
      all.map((bar) => (bar as unknown as { offsetHeight: number }).offsetHeight),
    );
    assert.deepEqual(
      heights,
      sums.map((sum) => Math.max(1, Math.round((sum / most) * 16))),
    );
  });

  it('sorts by layer mean', async () => {
    await open();
    await panel.page.getByRole('radio', { name: 'layer mean' }).click();
    await panel.settle();
    const wanted = [...active.latent].sort(
      (a, b) =>
        active.layerMean[place(a)]! - active.layerMean[place(b)]! ||
        active.max[place(b)]! - active.max[place(a)]! ||
        a - b,
    );
    assert.deepEqual((await listed()).slice(0, 12), wanted.slice(0, 12));
  });

  it('sorts by surprise against a corpus, and not without one', async () => {
    await open();
    const radio = panel.page.getByRole('radio', { name: 'surprise' });
    // Playwright itself would wait until it is enabled
    await radio.click({ force: true });
    assert.equal(await radio.getAttribute('aria-checked'), 'false');
    assert.equal(await radio.getAttribute('aria-disabled'), 'true');
    assert.equal((await host((h) => h.state as { sort: string })).sort, 'activation');
    assert.match((await radio.getAttribute('title'))!, /sweep/);
    await host((h) => h.sweep(true));
    await panel.settle();
    await radio.click();
    await panel.settle();
    const order = await listed();
    assert.equal(await row(order[0]!).locator('.latent-value').innerText(), 'new');
    // of the latents that both texts have, by the logarithm of the ratio of mean activations
    await panel.page.locator('.latent-rows').focus();
    await panel.page.keyboard.press('End');
    await panel.settle();
    const last = (await listed()).at(-1)!;
    assert.match(await row(last).locator('.latent-value').innerText(), /^−\d/);
    await panel.shot('latents-surprise');
  });

  it('previews the latent under the pointer and locks the one that is clicked', async () => {
    await open();
    await lock604();
    await row(555).hover();
    assert.deepEqual((await events()).at(-1), { kind: 'hoverLatent', latent: 555 });
    await panel.page.locator(`${MAP} canvas[data-latent="555"]`).waitFor();
    await panel.page.mouse.move(5, 5);
    await panel.page.locator(`${MAP} canvas[data-latent="604"]`).waitFor();
    await row(555).click();
    assert.deepEqual((await events()).at(-1), { kind: 'chooseLatent', latent: 555 });
    assert.deepEqual((await sent('latents/wantCard')).at(-1), { latent: 555 });
    // the selection comes back from the host
    await panel.page.locator('.latent-row.locked', { hasText: '#555' }).waitFor();
    await row(555).click();
    assert.equal((await host((h) => h.selection)).latent, undefined, 'again lets it go');
    await host((h) => h.select({ ...h.selection, latent: 604, layer: 4 }));
    await panel.page.locator('.latent-row.locked', { hasText: '#604' }).waitFor();
    await row(604).click();
    assert.equal((await host((h) => h.selection)).latent, undefined, 'also what is locked at a layer');
  });

  it('is worked by the keyboard alone, from the first row to the last', async () => {
    await open();
    const { keyboard } = panel.page;
    const list = panel.page.locator('.latent-rows');
    assert.ok((await listed()).length < 80, 'only rows in view are in the page');
    await list.focus();
    await keyboard.press('ArrowDown');
    assert.deepEqual((await events()).at(-1), { kind: 'hoverLatent', latent: active.latent[0] });
    for (const key of ['ArrowDown', 'ArrowDown', 'ArrowDown', 'ArrowUp']) await keyboard.press(key);
    assert.deepEqual((await events()).at(-1), { kind: 'hoverLatent', latent: active.latent[2] });
    assert.equal(await list.getAttribute('aria-activedescendant'), `latent-${active.latent[2]}`);
    await panel.shot('latents-keyboard');
    await keyboard.press('Enter');
    assert.equal((await host((h) => h.selection)).latent, active.latent[2]);
    await keyboard.press('End');
    await panel.settle();
    const last = active.latent.at(-1)!;
    assert.deepEqual((await events()).at(-1), { kind: 'hoverLatent', latent: last });
    assert.ok(await row(last).isVisible());
    assert.ok((await listed()).length < 80, 'only rows in view are in the page');
    await keyboard.press('Escape');
    assert.equal((await host((h) => h.selection)).latent, undefined);
  });

  it('finds latents by number and by name, also what is not active here', async () => {
    await open();
    await lock604();
    const search = panel.page.getByRole('searchbox');
    await search.fill('name');
    await panel.settle();
    assert.deepEqual(await listed(), [555]);
    const idle = Array.from({ length: 3072 }, (_, j) => j).find((j) => j > 1000 && !active.latent.includes(j))!;
    await search.fill(`#${idle}`);
    await panel.settle();
    assert.deepEqual(await listed(), [idle]);
    assert.match(await row(idle).innerText(), /not active here/);
    await search.press('Enter');
    assert.equal((await host((h) => h.selection)).latent, idle);
    await search.fill('no such');
    await panel.settle();
    assert.match(await panel.page.locator('.latent-rows .none').innerText(), /No latent is called no such/);
    await search.press('Escape');
    assert.equal(await search.inputValue(), '');
    assert.equal((await host((h) => h.selection)).latent, idle, 'the first Escape is the field’s');
  });
});
