// The picture of all latents and layers, in a browser, with a fake host and the latents of the reference.
import assert from 'node:assert/strict';
import { events, host, open, panel, place, sent, useLatents, encoding } from './panel/latentsSuite';
import { assertColour } from './panel/suite';

const { layers, active } = encoding;

describe('layers of all latents', () => {
  useLatents();

  const picture = (of: string): string => `[data-picture="${of}"]`;

  it('are sorted by layer mean, each with its parts of 1', async () => {
    await open();
    await panel.page.getByRole('radio', { name: 'text' }).click();
    await panel.page.locator(`${picture('text')} canvas[data-count]`).waitFor();
    await panel.settle();
    const data = await panel.data(`${picture('text')} canvas`);
    const [x0, y0, size, columns, height] = ['x0', 'y0', 'cell', 'columns', 'height'].map((key) => Number(data[key]));
    const order = [...active.latent].sort((a, b) => active.layerMean[place(a)]! - active.layerMean[place(b)]! || a - b);
    assert.equal(Number(data['count']), order.length);
    assert.ok(columns! * size! > 400, 'the picture fills the room');
    const first = (column: number): number => Math.ceil((column * order.length) / columns!);
    for (const column of [0, 40, 100, 250]) {
      const pooled = order.slice(first(column), first(column + 1));
      for (const layer of [0, 3, 5]) {
        const share =
          pooled.reduce((sum, j) => {
            const at = place(j) * layers.length;
            return sum + active.byLayer[at + layer]! / active.total[place(j)]!;
          }, 0) / pooled.length;
        const colour = await panel.pixel(
          `${picture('text')} canvas`,
          x0! + column * size!,
          y0! + (5 - layer) * height! + height! / 2,
        );
        assertColour(colour, share, 'dark', `column ${column}, layer ${layer}`);
      }
    }
    const position = { x: x0! + 100 * size!, y: y0! + height! / 2 };
    await panel.page.locator(picture('text')).hover({ position });
    const latent = order[first(100)]!;
    assert.deepEqual((await events()).at(-1), { kind: 'hoverLatent', latent });
    const tip = await panel.page.locator('.tip').innerText();
    assert.ok(tip.includes(`#${latent}`) && tip.includes(`mean ${active.layerMean[place(latent)]!.toFixed(2)}`), tip);
    await panel.page.locator(picture('text')).click({ position });
    assert.deepEqual((await events()).at(-1), { kind: 'chooseLatent', latent });
    await panel.shot('latents-text');
  });

  it('are of the corpus too, once there is one', async () => {
    await open({ theme: 'light' });
    const radio = panel.page.getByRole('radio', { name: 'corpus' });
    assert.equal(await radio.getAttribute('aria-disabled'), 'true');
    await host((h) => h.sweep(true));
    await panel.settle();
    await radio.click();
    await panel.page.locator(`${picture('corpus')} canvas[data-count]`).waitFor();
    await panel.page.locator(picture('corpus')).focus();
    await panel.page.keyboard.press('Home');
    await panel.page.keyboard.press('ArrowRight');
    const event = (await events()).at(-1);
    assert.equal(event?.kind, 'hoverLatent');
    await panel.page.keyboard.press('Enter');
    assert.equal((await events()).at(-1)?.kind, 'chooseLatent');
    assert.equal((await sent('latents/wantExamples')).length, 1, 'examples are asked for');
    await panel.shot('latents-corpus');
  });
});
