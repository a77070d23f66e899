// The card of a latent in the latents panel alone, in a browser, with a fake host and what the real engine says about the samples.
import assert from 'node:assert/strict';
import type { Locator } from 'playwright-core';
import { headName } from '../../src/protocol/checkpoint';
import { visibleText } from '../../src/protocol/tokens';
import { fixed, signed } from '../../webview/shared/numbers';
import { card, data, events, filled, open, panel, sent, useLatentCard, words } from './panel/latentCardSuite';
import { LATENT } from './panel/saeData';

describe('latent card', () => {
  useLatentCard();

  describe('title', () => {
    it('has number, name, layers and tokens', async () => {
      await open();
      assert.equal(await card('h2').innerText(), '#604');
      assert.equal((await card('.latent-name').innerText()).trim(), 'function that is called');
      assert.equal(await card('.latent-note').innerText(), 'also its arguments');
      assert.deepEqual(await words(card('.card-title .pill')), ['layers 3–5', '12 tokens'], 'as in the drawing');
      assert.equal((await card('.lock-state').innerText()).trim(), 'locked');
    });

    it('is renamed in place: Enter saves', async () => {
      await open();
      await card('.latent-name').click();
      await card('.name-editor input:focus').waitFor();
      await panel.page.keyboard.type('callee');
      await panel.page.keyboard.press('Tab');
      await panel.page.keyboard.press('Control+A');
      await panel.page.keyboard.type('and arguments');
      await panel.page.keyboard.press('Enter');
      assert.deepEqual(await sent('latents/rename'), [{ latent: LATENT, name: 'callee', note: 'and arguments' }]);
      await card('.latent-name').getByText('callee').waitFor();
      assert.equal(await card('.latent-note').innerText(), 'and arguments');
    });

    it('keeps its name when the editing is cancelled with Escape, which unlocks nothing', async () => {
      await open();
      await card('.latent-name').click();
      await card('.name-editor input:focus').waitFor();
      await panel.page.keyboard.type('nonsense');
      await panel.page.keyboard.press('Escape');
      assert.equal((await card('.latent-name').innerText()).trim(), 'function that is called');
      assert.deepEqual(await sent('latents/rename'), []);
      assert.deepEqual(await events(), []);
      await panel.page.keyboard.press('Escape');
      assert.deepEqual((await events()).at(-1), { kind: 'unlock' });
    });

    it('unlocks with a click on its lock', async () => {
      await open();
      await card('.lock-state').click();
      assert.deepEqual((await events()).at(-1), { kind: 'chooseLatent', latent: LATENT });
      await panel.page.locator('.latent-card').waitFor({ state: 'detached' });
    });
  });

  describe('layer distribution', () => {
    it('is that of the reference', async () => {
      await open();
      const label = await card('.bars').getAttribute('aria-label');
      assert.match(label!, /L0 0\.00, L1 0\.00, L2 0\.02, L3 0\.50, L4 0\.34, L5 0\.14/, 'as in the drawing');
      assert.deepEqual(await words(card('.layer-distribution .card-stat')), ['mean 3.60 · std 0.75']);
    });

    it('is drawn as bars with a whisker at mean ± std', async () => {
      await open();
      const columns = await panel.page.evaluate<{ bar: number[]; whisker: number[]; width: number }>(`(() => {
        const canvas = document.querySelector('canvas[data-bars=distribution]');
        const { width, height } = canvas;
        const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
        const at = (x, y) => [...data.slice((y * width + x) * 4, (y * width + x) * 4 + 4)];
        const teal = ([r, g, b, a]) => a > 200 && b > r + 60 && g > r + 60;
        const bar = Array.from({ length: width }, (_, x) => Array.from({ length: height }, (_, y) => teal(at(x, y))).filter(Boolean).length);
        const line = Array.from({ length: 12 }, (_, i) => height - 1 - i).map((y) => Array.from({ length: width }, (_, x) => x).filter((x) => at(x, y)[3] > 60));
        const whisker = line.sort((a, b) => b.length - a.length)[0];
        return { bar, whisker, width };
      })()`);
      const { width } = columns;
      const height = (layer: number): number => columns.bar[Math.floor(((layer + 0.5) / 6) * width)]!;
      assert.ok(height(3) > 30 && height(0) === 0, `${height(3)}, ${height(0)} pixels`);
      const ratio = height(4) / height(3);
      assert.ok(Math.abs(ratio - 0.34 / 0.5) < 0.04, `layer 4 is ${ratio} of layer 3`);
      const x = (layer: number): number => ((layer + 0.5) / 6) * width;
      const [from, to] = [columns.whisker[0]!, columns.whisker.at(-1)!];
      assert.ok(Math.abs(from - x(3.6 - 0.75)) < 4 && Math.abs(to - x(3.6 + 0.75)) < 4, `${from} to ${to} of ${width}`);
    });

    it('is over the corpus when a sweep is open', async () => {
      await open({ scenario: 'long' });
      const { corpus } = data;
      await card('.layer-distribution').getByRole('radio', { name: 'corpus' }).click();
      const text = `mean ${fixed(corpus.layerMean[LATENT]!)} · std ${fixed(Math.sqrt(corpus.layerVar[LATENT]!))}`;
      assert.deepEqual(await words(card('.layer-distribution .card-stat')), [text]);
      assert.notEqual(text, 'mean 3.60 · std 0.75');
      const sums = corpus.layers.map((_, l) => corpus.totals[l * corpus.nLatents + LATENT]!);
      const total = sums.reduce((a, b) => a + b);
      const label = await card('.bars').getAttribute('aria-label');
      assert.ok(label!.includes(sums.map((sum, l) => `L${l} ${fixed(sum / total)}`).join(', ')), label!);
    });
  });

  describe('heads', () => {
    it('write and read it, with a tick at chance', async () => {
      await open();
      const { writers, readers, chance } = data.card;
      const lists = card('.head-links');
      const line = (head: (typeof writers)[0], kind = ''): string =>
        `${headName(head)}${kind && ` ${kind}`} ${fixed(head.score)}`;
      assert.deepEqual(
        await words(lists.nth(0).locator('.head-link')),
        writers.slice(0, 3).map((head) => line(head)),
      );
      assert.deepEqual(
        await words(lists.nth(1).locator('.head-link')),
        readers.slice(0, 3).map((head) => line(head, head.kind)),
      );
      const most = Math.max(2 * chance, writers[0]!.score, readers[0]!.score);
      const bar = card('.head-link .bar').first();
      assert.ok(Math.abs((await filled(bar)) - writers[0]!.score / most) < 0.02);
      const tick = await bar.locator('u').evaluate((u) => (u as unknown as { style: { left: string } }).style.left);
      assert.ok(Math.abs(parseFloat(tick) / 100 - chance / most) < 0.001, tick);
      const kind = card('.head-link .kind-k, .head-link .kind-q, .head-link .kind-v').first();
      const colour = await kind.evaluate(
        (k) => (globalThis as unknown as { getComputedStyle(e: unknown): { color: string } }).getComputedStyle(k).color,
      );
      const expected = { Q: 'rgb(177, 128, 215)', K: 'rgb(89, 164, 249)', V: 'rgb(137, 209, 133)' };
      assert.equal(colour, expected[readers[0]!.kind]);
    });

    it('are chosen with a click and with Enter, for the other panels to follow', async () => {
      await open();
      const [first, second] = data.card.writers as [(typeof data.card.writers)[0], (typeof data.card.writers)[0]];
      await card('.head-link').first().click();
      assert.deepEqual((await events()).at(-1), { kind: 'chooseHead', head: { layer: first.layer, head: first.head } });
      await panel.settle();
      assert.equal(await card('.head-link').first().getAttribute('aria-pressed'), 'true');
      await panel.page.keyboard.press('Tab');
      await panel.page.keyboard.press('Enter');
      assert.deepEqual((await events()).at(-1), {
        kind: 'chooseHead',
        head: { layer: second.layer, head: second.head },
      });
    });
  });

  it('lists what it promotes and suppresses on one diverging scale', async () => {
    await open();
    const { promoted, suppressed, nearestInput, nearestOutput } = data.card;
    assert.deepEqual(
      promoted.map(({ text }) => text).slice(0, 4),
      ['PURE', '._', '("./', '("../'],
      'as in the drawing',
    );
    const lists = card('.token-values');
    for (const [i, values] of [promoted, suppressed, nearestInput, nearestOutput].entries()) {
      const expected = values.slice(0, 5).map(({ text, value }) => `${visibleText(text)} ${signed(value)}`);
      assert.deepEqual(await words(lists.nth(i).locator('.token-value')), expected);
    }
    const most = Math.max(promoted[0]!.value, -suppressed[0]!.value);
    const up = lists.nth(0).locator('.bar').first();
    const down = lists.nth(1).locator('.bar').first();
    assert.ok(Math.abs((await filled(up)) - promoted[0]!.value / most) < 0.02);
    assert.ok(Math.abs((await filled(down)) + suppressed[0]!.value / most) < 0.02);
    const colour = (bar: Locator): Promise<string> =>
      bar
        .locator('i')
        .evaluate(
          (i) =>
            (globalThis as unknown as { getComputedStyle(e: unknown): { backgroundColor: string } }).getComputedStyle(i)
              .backgroundColor,
        );
    assert.deepEqual([await colour(up), await colour(down)], ['rgb(112, 178, 240)', 'rgb(244, 134, 154)']);
  });

  it('chooses a nearest latent', async () => {
    await open();
    const [nearest] = data.card.nearestLatents;
    const chip = card('.chip').first();
    assert.equal((await words(chip))[0], `#${nearest!.latent} ${fixed(nearest!.cosine)}`);
    await chip.hover();
    assert.deepEqual((await events()).at(-1), { kind: 'hoverLatent', latent: nearest!.latent });
    await chip.click();
    assert.deepEqual((await events()).at(-1), { kind: 'chooseLatent', latent: nearest!.latent });
    await card(`h2 >> text=#${nearest!.latent}`).waitFor();
    assert.deepEqual((await sent('latents/wantCard')).at(-1), { latent: nearest!.latent });
  });

  it('exports what it knows', async () => {
    await open();
    await panel.page.getByRole('button', { name: 'Export latent card' }).click();
    await panel.page.getByRole('menuitem', { name: 'Table (JSON)' }).click();
    const [file] = await sent('latents/save');
    assert.equal(file!.name, 'mlsae-neox-6l-x16-k16-604');
    const rows = JSON.parse(file!.content as string) as { list: string; what: string; value: number }[];
    const { writers, promoted } = data.card;
    const written = rows.filter(({ list }) => list === 'written by');
    assert.equal(written.length, writers.length, 'all heads, not only those that are listed');
    assert.ok(
      rows.some(({ list, what, value }) => list === 'promotes' && what === 'PURE' && value === promoted[0]!.value),
    );
    await panel.page.getByRole('button', { name: 'Export latent card' }).click();
    await panel.page.getByRole('menuitem', { name: 'Copy as TransformerLens Code' }).click();
    const [code] = await sent('latents/copy');
    assert.match(code!, new RegExp(`^latent, top = 604, ${promoted.length}$`, 'm'));
  });

  for (const theme of ['dark', 'light', 'high-contrast', 'high-contrast-light'] as const) {
    it(`has its picture taken, ${theme}`, async () => {
      await open({ theme });
      await panel.shot(`latentCard-${theme}`);
    });
  }

  it('fits 400 pixels', async () => {
    await open({ width: 400, height: 2200 });
    const wide = await panel.page.evaluate<number[]>(
      `[document.querySelector('.latent-card').scrollWidth, document.querySelector('.latent-card').clientWidth, document.documentElement.scrollWidth]`,
    );
    assert.ok(wide[0]! <= wide[1]! && wide[2]! <= 400, wide.join());
    await panel.shot('latentCard-400');
  });
});
