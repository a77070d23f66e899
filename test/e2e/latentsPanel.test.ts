// The latents panel alone, in a browser, with a fake host and the latents of the reference.
import assert from 'node:assert/strict';
import type { ThemeKind } from '../../webview/shared/colour';
import {
  activation,
  ADD,
  cell,
  cellColour,
  encoding,
  events,
  host,
  latentsOn,
  lock604,
  MAP,
  middle,
  onToken,
  open,
  panel,
  place,
  row,
  sent,
  token,
  useLatents,
} from './panel/latentsSuite';
import { assertColour } from './panel/suite';
import { eventually } from './support/wait';

const THEMES: ThemeKind[] = ['dark', 'light', 'high-contrast', 'high-contrast-light'];
const AMBER = [229, 165, 75];
const { layers, nTokens, k, active } = encoding;

describe('latents panel', () => {
  useLatents();

  describe('layer × token', () => {
    for (const theme of THEMES) {
      it(`has cells of the colour of the activation, ${theme}`, async () => {
        await open({ theme });
        await lock604();
        for (const [layer, at] of [
          [3, 16],
          [4, 16],
          [5, 16],
          [3, 23],
          [2, ADD],
          [0, 5],
          [3, 34],
        ] as const) {
          const value = activation(604, layer, at) / active.max[place(604)]!;
          assertColour(await cellColour(layer, at), value, theme, `layer ${layer}, token ${at}`);
        }
        await panel.page.locator(MAP).hover({ position: await middle(4, ADD) });
        await panel.shot(`latents-${theme}`);
      });
    }

    it('is of the largest of all latents while none is chosen', async () => {
      await open();
      for (const [layer, at] of [
        [0, 0],
        [5, 41],
        [2, 20],
      ] as const) {
        const value = encoding.values[(layer * nTokens + at) * k]! / encoding.max;
        assertColour(await cellColour(layer, at), value, 'dark', `layer ${layer}, token ${at}`);
      }
      await panel.page.locator(MAP).hover({ position: await middle(2, 20) });
      const latent = encoding.indices[(2 * nTokens + 20) * k]!;
      assert.deepEqual((await events()).at(-1), { kind: 'hoverLatent', latent, layer: 2, token: 20 });
      assert.match(await panel.page.locator('.tip').innerText(), new RegExp(`L2.*#${latent}`, 's'));
      assert.equal((await panel.data(`${MAP} canvas`))['latent'], 'max', 'it stays while the pointer is in it');
      await panel.shot('latents-max');
    });

    it('tells token, layer and activation under the pointer', async () => {
      await open();
      await lock604();
      await panel.page.locator(MAP).hover({ position: await middle(4, ADD) });
      assert.deepEqual((await events()).at(-1), { kind: 'hoverLatent', latent: 604, layer: 4, token: ADD });
      const tip = await panel.page.locator('.tip').innerText();
      assert.equal(tip, `·add · L4${activation(604, 4, ADD).toFixed(2)}`);
      await panel.page.mouse.move(5, 5);
      await panel.settle();
      assert.deepEqual((await events()).at(-1), { kind: 'leave' });
      assert.equal(await panel.page.locator('.tip').count(), 0);
    });

    it('marks the locked column in amber, and its label', async () => {
      await open();
      await lock604();
      const { x, y, height } = await cell(0, ADD);
      const edge = await panel.pixel(`${MAP} canvas`, x - 1, y + height / 2);
      assert.deepEqual(edge.slice(0, 3), AMBER);
      const label = await panel.pixel(`${MAP} canvas`, x - 1, y + height + 20);
      assert.deepEqual(label.slice(0, 3), AMBER);
      const other = await cell(0, 5);
      const beneath = await panel.page.evaluate<number>(`(() => {
        const data = document.querySelector('${MAP} canvas').getContext('2d')
          .getImageData(${other.x}, ${other.y + height + 2}, ${other.width}, 56).data;
        return data.filter((value, i) => i % 4 === 3 && value > 0).length;
      })()`);
      assert.equal(beneath, 0, 'a column without activation has no label');
    });

    it('locks latent, layer and token with a click, and all of them again lets go', async () => {
      await open();
      await lock604();
      const map = panel.page.locator(MAP);
      const before = (await events()).length;
      await map.click({ position: await middle(3, 16) });
      const locks = async (): Promise<unknown[]> =>
        (await events()).slice(before).filter(({ kind }) => !kind.startsWith('hover') && kind !== 'leave');
      assert.deepEqual(await locks(), [
        { kind: 'chooseLatent', latent: 604, layer: 3 },
        { kind: 'lockToken', token: 16 },
      ]);
      const now = await host((h) => h.selection);
      assert.deepEqual([now.latent, now.layer, now.locked], [604, 3, { destination: 16 }]);
      await map.click({ position: await middle(3, 17) });
      assert.equal((await locks()).length, 3, 'another token at the same layer locks the token only');
      assert.equal((await host((h) => h.selection)).latent, 604);
      await map.click({ position: await middle(3, 17) });
      const after = await host((h) => h.selection);
      assert.deepEqual([after.latent, after.layer, after.locked], [undefined, undefined, {}]);
    });

    it('is worked by the keyboard alone', async () => {
      await open();
      await lock604();
      const { keyboard } = panel.page;
      await panel.page.locator(MAP).focus();
      await keyboard.press('ArrowRight');
      assert.deepEqual((await events()).at(-1), { kind: 'hoverLatent', latent: 604, layer: 0, token: ADD });
      for (const key of ['ArrowUp', 'ArrowUp', 'ArrowUp', 'ArrowLeft']) await keyboard.press(key);
      assert.deepEqual((await events()).at(-1), { kind: 'hoverLatent', latent: 604, layer: 3, token: ADD - 1 });
      const said = panel.page.locator('[data-live]');
      const value = activation(604, 3, ADD - 1).toFixed(2);
      await eventually('word of the cell', async () =>
        (await said.innerText()) === `=, layer 3: latent 604, ${value}` ? true : undefined,
      );
      await keyboard.press('End');
      await keyboard.press('Enter');
      const now = await host((h) => h.selection);
      assert.deepEqual([now.latent, now.layer, now.locked], [604, 3, { destination: nTokens - 1 }]);
      await keyboard.press('Escape');
      assert.deepEqual((await events()).at(-1), { kind: 'unlock' });
    });
  });

  it('tints the tokens by the latent, strongest most', async () => {
    await open();
    await lock604();
    const weight = (at: number): Promise<string> =>
      token(at).evaluate((element) =>
        (element as unknown as { style: { getPropertyValue(name: string): string } }).style.getPropertyValue(
          '--weight',
        ),
      );
    assert.equal(await weight(16), (onToken(604, 16) / active.max[place(604)]!).toFixed(3));
    assert.equal(await weight(5), '');
    await token(16).hover();
    // a token is locked: the hovered one is the other end
    assert.deepEqual((await events()).at(-1), { kind: 'hoverToken', token: 16 });
    const { x, y } = await cell(0, 16);
    const ring = await panel.pixel(`${MAP} canvas`, x - 1, y + 5);
    assert.ok(ring[3]! > 0, 'its column has a ring');
  });

  describe('states', () => {
    it('say what to do and offer it', async () => {
      await open({ scenario: 'zero' });
      assert.match(await panel.page.locator('.full').innerText(), /No SAE is open/);
      await panel.page.getByText('Open SAE…').click();
      assert.deepEqual(await sent('latents/command'), ['openSae']);
      await panel.shot('latents-empty');
      await host((h) => h.send('latents/status', { kind: 'busy', message: 'Encoding…', fraction: 0.4 }));
      await panel.page.getByText('Cancel').click();
      assert.equal((await sent('latents/command')).at(-1), 'cancel');
      await host((h) => h.send('latents/status', { kind: 'error', message: 'W_enc is missing.' }));
      assert.match(await panel.page.getByRole('alert').innerText(), /W_enc is missing/);
    });

    it('stand above the picture while there is one', async () => {
      await open();
      await host((h) => h.send('latents/status', { kind: 'error', message: 'The engine has stopped.' }));
      assert.match(await panel.page.locator('.line.error').innerText(), /The engine has stopped/);
      assert.ok(await row(active.latent[0]!).isVisible());
      await host((h) => h.send('latents/status', { kind: 'empty', message: 'Analyze something.', commands: [] }));
      assert.match(await panel.page.locator('.full').innerText(), /Analyze something/);
    });
  });

  it('stacks when it is narrow', async () => {
    await open({ width: 500 });
    await lock604();
    const [list, map] = [
      await panel.page.locator('.latent-list').boundingBox(),
      await panel.page.locator(MAP).boundingBox(),
    ];
    assert.ok(list!.y + list!.height <= map!.y && map!.width > 450);
    assert.equal(await panel.page.evaluate('document.documentElement.scrollWidth <= innerWidth'), true);
    await panel.shot('latents-500');
  });

  it('scrolls through a long text of a deep model', async () => {
    await open({ scenario: 'long', width: 900 });
    await panel.page.locator(MAP).focus();
    await panel.page.keyboard.press('End');
    await panel.page.keyboard.press('End');
    await panel.settle();
    assert.equal(((await events()).at(-1) as { token?: number }).token, 511);
    const { x0, width } = await panel.data(`${MAP} canvas`);
    const right = Number(x0) + 512 * Number(width);
    const view = (await panel.page.locator(MAP).boundingBox())!.width;
    assert.ok(right <= view && right > view - 20, `the last column is in view: ${right} of ${view}`);
    await panel.shot('latents-long');
  });

  it('exports tables, everything, and the picture', async () => {
    await open();
    await lock604();
    type Saved = { name: string; format: string; content: unknown };
    const pick = async (label: string): Promise<Saved> => {
      const before = (await sent('latents/save')).length;
      await panel.page.getByRole('button', { name: 'Export', exact: true }).click();
      await panel.page.getByRole('menuitem', { name: label }).click();
      return eventually(label, async () => (await sent<Saved>('latents/save'))[before]);
    };
    const list = await pick('Latents of the list (CSV)');
    const lines = String(list.content).trim().split('\n');
    assert.equal(lines.length, latentsOn(ADD).length + 1);
    assert.match(lines[0]!, /^"latent","name","value","layer_mean","total_L0"/);
    assert.match(lines[2]!, /^555,"function name",5\.7/);
    const map = await pick('Map of layers and tokens (CSV)');
    assert.match(String(map.content), new RegExp(`\n4,${ADD}," add",${String(activation(604, 4, ADD))}\n`));
    assert.equal(String(map.content).match(/^\d,\d+,"/gm)!.length, layers.length * nTokens);
    const shares = String((await pick('Layers of all latents (CSV)')).content)
      .trim()
      .split('\n');
    assert.equal(shares.length, active.latent.length + 1);
    for (const line of shares.slice(1, 20)) {
      const sum = line
        .split(',')
        .slice(2)
        .reduce((total, part) => total + Number(part), 0);
      assert.ok(Math.abs(sum - 1) < 1e-5, line);
    }
    const whole = JSON.parse(String((await pick('Encoding (JSON)')).content)) as {
      encoding: { values: number[] };
      tokens: unknown[];
    };
    assert.deepEqual([whole.encoding.values.length, whole.tokens.length], [encoding.values.length, nTokens]);
    await pick('Picture (PNG)');
    const picture = await host((h) => {
      const { content } = h.sent.filter((m) => m.method === 'latents/save').at(-1)!.params as { content: Uint8Array };
      return [...content.slice(0, 4), content.length];
    });
    assert.deepEqual(picture.slice(0, 4), [137, 80, 78, 71]);
    assert.ok(picture[4]! > 3000);
  });

  it('writes names as text', async () => {
    await open();
    const first = active.latent[0]!;
    await host((h, latent) => h.send('latents/names', { [latent]: { name: '<img src=x onerror=alert(1)>' } }), first);
    await panel.settle();
    assert.match(await row(first).innerText(), /<img src=x/);
    assert.equal(await panel.page.locator('main img').count(), 0);
  });

  it('keeps order and picture while it is hidden', async () => {
    await open();
    await panel.page.getByRole('radio', { name: 'layer mean' }).click();
    await panel.page.getByRole('radio', { name: 'text' }).click();
    assert.deepEqual(await host((h) => h.state), { sort: 'layerMean', picture: 'text' });
  });
});
