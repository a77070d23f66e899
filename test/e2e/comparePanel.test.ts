// The compare panel alone, in a browser, with a fake host and what the real engine says about two steps of a sample.
import assert from 'node:assert/strict';
import { headName } from '../../src/protocol/checkpoint';
import type { CompareSection, CompareToHost } from '../../src/protocol/comparePanel';
import { latentMap, tokenMax } from '../../src/protocol/latents/encoding';
import { initialSelection, type SelectionEvent } from '../../src/protocol/selection';
import { fixed, signed } from '../../webview/shared/numbers';
import { readCompareData } from './panel/compareData';
import type { CompareData, CompareHost } from './panel/compareTypes';
import { type Harness, startHarness } from './panel/harness';
import { pack } from './panel/packed';
import { Panel, type PanelOptions } from './panel/page';
import { eventually } from './support/wait';

let data: CompareData;
let harness: Harness;
let panel: Panel;

const TABS: Record<CompareSection, string> = {
  patterns: 'Patterns',
  scores: 'Head scores',
  composition: 'Composition',
  latents: 'Latents',
  tokens: 'Next tokens',
};

const open = async (options: PanelOptions = {}): Promise<void> => {
  const drawn = options.scenario === 'zero' ? ['.full'] : ['.heat-delta[data-head]', '.cell-canvas[data-rows]'];
  panel = await Panel.open(harness, { width: 1000, height: 900, drawn, ...options });
};
const host = <T, E = undefined>(work: (host: CompareHost, extra: E) => T, extra?: E): Promise<T> =>
  panel.onHost(work, extra);
const sent = async <K extends keyof CompareToHost>(name: K): Promise<CompareToHost[K][]> =>
  (await host(({ sent: all }) => all))
    .filter(({ method }) => method === name)
    .map((message) => message.params as CompareToHost[K]);
const events = async (): Promise<SelectionEvent[]> => (await sent('compare/select')).map(({ event }) => event);
const tab = async (section: CompareSection): Promise<void> => {
  await panel.page.getByRole('tab', { name: TABS[section] }).click();
  await panel.page.locator(`main[data-section=${section}][data-state=ready]`).waitFor();
  await panel.settle();
};
const rows = (label: string): Promise<string[][]> =>
  panel.page.evaluate(
    `[...document.querySelectorAll('.table[aria-label="${label}"] tbody tr')].map((row) => [...row.cells].map((cell) => cell.innerText))`,
  );
const exportAs = async (item: string): Promise<void> => {
  await panel.page.getByRole('button', { name: 'Export' }).click();
  await panel.page.getByRole('menuitem', { name: item }).click();
};
/** Middle of the cell of a head in a map, on the page. */
const headPoint = async (map: string, layer: number, head: number): Promise<{ x: number; y: number }> => {
  const box = (await panel.page.locator(`[data-map=${map}]`).boundingBox())!;
  const at = await panel.data(`[data-map=${map}] canvas`);
  const [x0, y0, width, height] = ['x0', 'y0', 'width', 'height'].map((name) => Number(at[name]));
  return { x: box.x + x0! + (head + 0.5) * width!, y: box.y + y0! + (layer + 0.5) * height! };
};
/** Where a cell of a large pattern is, in its canvas. */
const cellPoint = async (destination: number, source: number): Promise<{ x: number; y: number }> => {
  const { side, n } = await panel.data('.heat-delta');
  const cell = Number(side) / Number(n);
  return { x: (source + 0.5) * cell, y: (destination + 0.5) * cell };
};
/** Pixel of a cell: the canvas has one for each. */
const cellColour = (which: string, destination: number, source: number): Promise<number[]> =>
  panel.page.evaluate(
    `[...document.querySelector('.heat-${which}').getContext('2d').getImageData(${source}, ${destination}, 1, 1).data]`,
  );
const patternOf = (layer: number, head: number): CompareData['heads'][number] =>
  data.heads[layer * data.view.a.nHeads + head]!;
/** The cell whose weight changes most. */
function strongest({ n, delta }: CompareData['heads'][number]): { destination: number; source: number; delta: number } {
  const at = delta.reduce((best, value, i) => (Math.abs(value) > Math.abs(delta[best]!) ? i : best), 0);
  return { destination: Math.floor(at / n), source: at % n, delta: delta[at]! };
}

describe('compare panel', function () {
  before(async () => {
    data = await readCompareData(process.cwd());
    harness = await startHarness(process.cwd(), {
      panel: 'compare',
      fakeHost: 'compareFakeHost',
      fixture: () => pack(data),
    });
  });
  after(() => harness.close());
  afterEach(async function () {
    if (this.currentTest?.isFailed()) await panel.shot(`failed ${this.currentTest.title.replaceAll(/\W+/g, ' ')}`);
    const { errors } = panel;
    await panel.close();
    assert.deepEqual(errors, [], 'scripts ran without an error and within the content security policy');
  });

  it('names both, and swaps them', async () => {
    await open();
    assert.equal((await panel.page.locator('h1').innerText()).replaceAll(/\s+/g, ' '), 'A step1000 → B step2000');
    assert.match(
      (await panel.page.locator('.side').first().getAttribute('title'))!,
      /step1000 \(the open checkpoint\)$/,
    );
    await panel.page.getByRole('button', { name: 'Swap A and B' }).click();
    assert.equal((await sent('compare/swap')).length, 1);
    await panel.page.getByText('Compare with another…').click();
    assert.deepEqual(await sent('compare/command'), ['compareCheckpoint']);
  });

  it('saves the section that is shown, and copies it as code', async () => {
    await open();
    for (const name of ['Copy as TransformerLens Code', 'Save Result…']) {
      await panel.page.getByRole('button', { name: 'Export' }).click();
      await panel.page.getByRole('menuitem', { name }).click();
    }
    assert.deepEqual(await sent('compare/command'), ['copyCode', 'saveResult']);
  });

  it('draws the chosen head in A, in B and their difference', async () => {
    await open();
    const most = data.heads.reduce((best, each) =>
      Math.abs(strongest(each).delta) > Math.abs(strongest(best).delta) ? each : best,
    );
    const { layer, head } = most.head;
    await panel.page.mouse.click(...(Object.values(await headPoint('distance', layer, head)) as [number, number]));
    await panel.page.locator(`.heat-delta[data-head=${headName(most.head)}]`).waitFor();
    assert.deepEqual((await events()).at(-1), { kind: 'chooseHead', head: { layer, head } });
    await panel.settle();
    const { destination, source, delta } = strongest(most);
    const [red, , blue, alpha] = await cellColour('delta', destination, source);
    assert.ok(delta > 0 ? blue! > red! : red! > blue!, `${red} ${blue} for ${delta}`);
    assert.ok(alpha! > 128, `the largest change is hardly seen: ${alpha}`);
    assert.equal((await cellColour('delta', 0, 0))[3], 0, 'the first token sees only itself in both');
    await panel.page.locator('.heat-delta').hover({ position: await cellPoint(destination, source) });
    const text = await panel.page.locator('[data-reading]').innerText();
    const at = destination * most.n + source;
    for (const part of [`A ${fixed(most.a[at]!)}`, `B ${fixed(most.b[at]!)}`, signed(delta)])
      assert.ok(text.includes(part), `${part} in ${text}`);
    assert.deepEqual((await events()).at(-1), { kind: 'hoverCell', destination, source });
    assert.equal(await panel.page.locator('.heat-a ~ .cross.hover').count(), 2, 'the crosshair is in all three');
    await panel.shot('compare-hover');
  });

  it('tints what the locked token attends to more, or less', async () => {
    await open();
    const { delta, n } = patternOf(4, 2);
    const token = strongest(patternOf(4, 2)).destination;
    await panel.page.locator(`#token-${token}`).click();
    await panel.page.mouse.move(5, 5);
    await panel.settle();
    const tinted = await panel.page.evaluate<{ i: number; minus: boolean }[]>(
      `[...document.querySelectorAll('.token.tinted')].map((e) => ({ i: Number(e.dataset.token), minus: e.classList.contains('negative') }))`,
    );
    const row = [...delta.subarray(token * n, (token + 1) * n)];
    const expected = row.flatMap((value, i) => (Math.abs(value) >= 0.05 ? [{ i, minus: value < 0 }] : []));
    assert.ok(expected.length > 0);
    assert.deepEqual(tinted, expected);
    await panel.shot('compare-locked');
  });

  it('is read by the keyboard: tabs, heads, cells', async () => {
    await open();
    await panel.page.locator('[data-map=distance]').focus();
    await panel.page.keyboard.press('ArrowRight');
    await panel.page.keyboard.press('ArrowRight');
    await panel.page.keyboard.press('Enter');
    assert.equal((await events()).at(-1)!.kind, 'chooseHead');
    await panel.page.locator('.triple').focus();
    for (const key of ['ArrowUp', 'ArrowRight', 'Enter']) await panel.page.keyboard.press(key);
    const n = data.patterns.tokens.length;
    assert.deepEqual((await events()).at(-1), { kind: 'lockCell', destination: n - 2, source: 1 });
    await panel.page.keyboard.press('Escape');
    assert.deepEqual((await events()).at(-1), { kind: 'unlock' });
    await panel.page.getByRole('tab', { name: 'Patterns' }).focus();
    await panel.page.keyboard.press('ArrowRight');
    await panel.page.locator('main[data-section=scores][data-state=ready]').waitFor();
    assert.deepEqual(await sent('compare/show'), ['scores']);
  });

  it('shows the scores of every head in A, in B and their difference', async () => {
    await open();
    await tab('scores');
    const byChange = data.scores.delta
      .map((each, i) => ({ each, i }))
      .sort((x, y) => Math.abs(y.each.induction) - Math.abs(x.each.induction));
    const { each, i } = byChange[0]!;
    const [first] = await rows('Heads by change of induction');
    const [a, b] = [data.scores.a.heads[i]!.induction, data.scores.b.heads[i]!.induction];
    assert.deepEqual(first, [headName(each), fixed(a, 3), fixed(b, 3), signed(each.induction, 3)]);
    await panel.shot('compare-scores');
    await panel.page.getByRole('combobox', { name: 'Score' }).selectOption('entropy');
    assert.equal((await rows('Heads by change of entropy')).length, data.scores.delta.length);
    const point = await headPoint('delta', each.layer, each.head);
    await panel.page.mouse.move(point.x, point.y);
    const tip = await panel.page.locator('.cell-tip').innerText();
    assert.ok(tip.includes(signed(data.scores.delta[i]!.entropy, 3)), tip);
    await exportAs('Table (CSV)');
    const [csv] = await sent('compare/save');
    assert.equal(csv!.name, 'step1000-step2000-scores');
    assert.equal((csv!.content as string).trim().split('\n').length, 1 + data.scores.delta.length);
  });

  it('lists the changes of composition, of all kinds or of one', async () => {
    await open();
    await tab('composition');
    const all = await rows('Changes of composition');
    const listed = data.composition.changes.slice(0, 5);
    assert.deepEqual(
      all.slice(0, 5),
      listed.map(({ kind, earlier, later, a, b, delta }) => [
        ...[kind, headName(earlier), headName(later), fixed(a, 3), fixed(b, 3), signed(delta, 3)],
        fixed(data.composition.baseline[kind], 3),
      ]),
    );
    await panel.shot('compare-composition');
    await panel.page.getByRole('radio', { name: 'K', exact: true }).click();
    const ofK = await rows('Changes of composition');
    assert.ok(ofK.length > 20 && ofK.every(([kind]) => kind === 'K'));
    await panel.page.locator('.table[aria-label="Changes of composition"] tbody tr').first().click();
    const [locked] = await events();
    assert.equal(locked!.kind, 'lockPair');
    assert.equal(await panel.page.locator('tr.chosen').count(), 1);
  });

  it('lists the latents that differ most, with FVU by layer, and tints the text by the chosen one', async () => {
    await open();
    await tab('latents');
    const { latents } = data;
    const [first] = latents.changes;
    const [row] = await rows('Latents that differ most');
    assert.equal(row![0], `#${first!.latent}`);
    assert.deepEqual(row!.slice(1, 4), [fixed(first!.difference), fixed(first!.a), fixed(first!.b)]);
    assert.equal(row![5], `L${latents.layers[first!.at.layer]}`);
    const label = (await panel.page.locator('[data-chart=fvu] .bars').getAttribute('aria-label'))!;
    assert.ok(label.includes(`A ${fixed(latents.a.perLayer[0]!.fvu)}, B ${fixed(latents.b.perLayer[0]!.fvu)}`), label);
    await panel.page.locator('.table tbody tr').first().click();
    await panel.page.mouse.move(5, 5);
    await panel.settle();
    const [a, b] = [latents.a, latents.b].map((side) => tokenMax(latentMap(side, first!.latent), side.nTokens));
    const most = Math.max(...a!, ...b!);
    const expected = [...a!].flatMap((value, i) => (Math.abs(b![i]! - value) / most >= 0.05 ? [i] : []));
    const tinted = await panel.page.evaluate<number[]>(
      `[...document.querySelectorAll('.token.tinted')].map((e) => Number(e.dataset.token))`,
    );
    assert.ok(expected.length > 0);
    assert.deepEqual(tinted, expected);
    await panel.shot('compare-latents');
  });

  it('reads each with its own autoencoder where both have one, and goes back when that cannot be', async () => {
    await open();
    await tab('latents');
    const group = panel.page.getByRole('radiogroup', { name: 'Read with' });
    assert.equal(await group.count(), 0);
    const offer = async (used: boolean): Promise<void> => {
      const view = { ...data.view, ownSaes: { a: 'mlsae-a', b: 'mlsae-b', used } };
      await host((page, shown) => page.send('compare/view', shown), view);
    };
    await offer(false);
    const own = group.getByRole('radio', { name: 'Each its own' });
    assert.equal(await own.getAttribute('aria-checked'), 'false');
    assert.equal(await panel.page.getByText('A mlsae-a · B mlsae-b').count(), 0);
    await own.click();
    assert.deepEqual(await sent('compare/ownSaes'), [true]);
    await offer(true);
    await panel.page.getByText('A mlsae-a · B mlsae-b').waitFor();
    const refused = { section: 'latents', state: { kind: 'error', message: 'Not steps of one training.' } } as const;
    await host((page, shown) => page.send('compare/section', shown), refused);
    await panel.page.getByText('Not steps of one training.').waitFor();
    await own.press('ArrowLeft');
    assert.deepEqual(await sent('compare/ownSaes'), [true, false]);
    await tab('scores');
    assert.equal(await group.count(), 0);
  });

  it('says how to open an autoencoder when there is none', async () => {
    await open();
    const message = 'Open a sparse autoencoder that was trained on step1000.';
    // what the host answers to the click has come
    await tab('latents');
    await host(
      (h, text) =>
        h.send('compare/section', {
          section: 'latents',
          state: { kind: 'empty', message: text, commands: ['openSae'] },
        }),
      message,
    );
    await panel.page.getByText(message).waitFor();
    await panel.page.getByText('Open SAE…').click();
    assert.deepEqual(await sent('compare/command'), ['openSae']);
    await panel.shot('compare-noSae');
  });

  it('shows loss, log-probabilities and KL of the tokens', async () => {
    await open();
    await tab('tokens');
    const { a, b, delta, kl } = data.tokens;
    const losses = (await panel.page.locator('[data-losses]').innerText()).replaceAll(/\s+/g, ' ');
    for (const part of [`A step1000 ${fixed(a.loss, 3)}`, `B step2000 ${fixed(b.loss, 3)}`, signed(b.loss - a.loss, 3)])
      assert.ok(losses.includes(part), `${part} in ${losses}`);
    const shown = await rows('Tokens');
    assert.equal(shown.length, data.tokens.tokens.length);
    assert.deepEqual(shown[3]!.slice(2, 6), [
      ...[fixed(a.logProbs[3]!), fixed(b.logProbs[3]!), signed(delta[3]!), fixed(kl[3]!, 3)],
    ]);
    assert.equal(shown[0]![2], '–', 'nothing comes before the first token');
    await panel.shot('compare-tokens');
  });

  it('moves through the steps of the training with the slider, by the keyboard too', async () => {
    await open();
    const slider = panel.page.getByRole('slider', { name: 'Training step' });
    assert.equal(await slider.getAttribute('aria-valuetext'), 'step 1,000, 1 of 12');
    await slider.focus();
    for (let i = 0; i < 3; i++) await panel.page.keyboard.press('ArrowRight');
    assert.deepEqual(await sent('compare/goToStep'), [1, 2, 3]);
    assert.equal(await panel.page.locator('.step-at').innerText(), 'step 4,000');
    assert.equal(await panel.page.locator('.step-bar').getAttribute('aria-busy'), 'true');
    await host((h) => h.arrive());
    await panel.page.locator('.step-bar[data-step="4000"][aria-busy=false]').waitFor();
    // said once it is painted
    await panel.page
      .locator('[data-step-said]')
      .getByText('step 4,000, 4 of 12 is open')
      .waitFor({ state: 'attached' });
    await panel.page.getByRole('button', { name: 'Previous training step' }).click();
    assert.deepEqual((await sent('compare/goToStep')).at(-1), 2);
    // it could not be opened: the thumb goes back
    await host((h) => h.send('compare/steps', { ...h.steps, target: undefined }));
    await eventually('the thumb where it was', async () => ((await slider.inputValue()) === '3' ? true : undefined));
  });

  it('says what failed, and tries again', async () => {
    await open();
    const message = 'The engine ran out of memory.';
    await host(
      (h, text) => h.send('compare/section', { section: 'patterns', state: { kind: 'error', message: text } }),
      message,
    );
    await panel.page.getByRole('alert').getByText(message).waitFor();
    await panel.page.getByText('Try Again').click();
    await panel.page.locator('.heat-delta[data-head]').waitFor();
    assert.deepEqual(await sent('compare/show'), ['patterns']);
  });

  it('begins with what is still to be done', async () => {
    await open({ scenario: 'zero' });
    await panel.page.getByText('Compare with Checkpoint…').click();
    assert.deepEqual(await sent('compare/command'), ['compareCheckpoint']);
    await panel.shot('compare-empty');
  });

  it('draws names as text', async () => {
    await open({ scenario: 'hostile' });
    assert.match(await panel.page.locator('h1').innerText(), /<img src=x/);
    assert.equal(await panel.page.evaluate('window.hacked'), undefined);
  });

  for (const theme of ['dark', 'light', 'high-contrast', 'high-contrast-light'] as const) {
    it(`has its picture taken, ${theme}`, async () => {
      await open({ theme });
      const locked = { destination: 27, source: 3 };
      await host((h, selection) => h.select(selection), { ...initialSelection({ layer: 4, head: 2 }), locked });
      await panel.shot(`compare-${theme}`);
    });
  }

  it('fits 400 pixels', async () => {
    await open({ width: 400 });
    for (const section of ['patterns', 'scores', 'tokens'] as const) {
      await tab(section);
      const [wide, seen] = await panel.page.evaluate<number[]>(
        `[document.querySelector('.toolbar').scrollWidth, document.querySelector('.toolbar').clientWidth]`,
      );
      assert.ok(wide! <= seen!, `the toolbar of ${section} scrolls sideways: ${wide} of ${seen}`);
      await panel.shot(`compare-400-${section}`);
    }
  });
});
