// The page of a saved result alone, in a browser, with a fake host.
import assert from 'node:assert/strict';
import type { FoundFiles, ResultAction, ResultPage } from '../../src/protocol/resultPage';
import { violations } from './panel/axe';
import { type Harness, startHarness } from './panel/harness';
import { Panel, type PanelOptions } from './panel/page';
import { importedPage, resultCheck as check, resultPage as page, savedResult as result } from './panel/resultData';
import type { ResultHost } from './panel/resultTypes';
import { eventually } from './support/wait';

describe('page of a saved result', () => {
  let harness: Harness;
  let panel: Panel;
  const open = async (options: PanelOptions = {}): Promise<void> => {
    const drawn = options.scenario === 'hostile' ? ['.full'] : ['.table[aria-label="Head scores"]'];
    panel = await Panel.open(harness, { width: 700, height: 1100, drawn, ...options });
  };
  const send = async (view: ResultPage): Promise<void> => {
    await panel.page.evaluate(`window.panelHost.send(${JSON.stringify(view)})`);
    await panel.settle();
  };
  const sent = (): Promise<ResultAction[]> =>
    panel.page.evaluate('window.panelHost.sent') as Promise<ResultHost['sent']>;
  const button = (name: string): ReturnType<Panel['page']['getByRole']> => panel.page.getByRole('button', { name });
  const cells = (section: string): Promise<string[]> =>
    panel.page.locator(`[data-section=${section}] tbody tr`).allInnerTexts();

  before(async () => {
    const fixture = (): unknown => page;
    harness = await startHarness(process.cwd(), { panel: 'result', fakeHost: 'resultFakeHost', fixture });
  });
  after(() => harness.close());
  afterEach(async () => {
    const { errors } = panel;
    await panel.close();
    assert.deepEqual(errors, [], 'scripts ran without an error and within the content security policy');
  });

  it('says what it is, with numbers by section and the tokens they are about', async () => {
    await open();
    const facts = await panel.page.locator('.facts').innerText();
    assert.match(facts, /Attention · L1H5 · token 27 “·add”/);
    assert.match(facts, /attn-only-2l[^]*models\/attn-only-2l[^]*42 tokens/);
    const [strongest] = await cells('sources');
    assert.match(strongest!, /^27 “·add” → 3 “[^”]+”\s+0\.8304$/);
    assert.deepEqual(
      (await cells('nextTokens')).map((text) => text.split('\t')[1]?.trim() ?? text),
      ['0.9100', '0.0200'],
    );
  });

  it('its buttons ask the host, by the keyboard too', async () => {
    await open();
    for (const name of ['Open Panels', 'Re-run and Compare', 'Open as Text']) {
      await button(name).focus();
      await panel.page.keyboard.press('Enter');
    }
    await eventually('three', async () => ((await sent()).length === 3 ? true : undefined));
    assert.deepEqual(await sent(), ['open', 'check', 'text']);
  });

  it('shows the numbers of now beside the saved ones, and says how many differ', async () => {
    await open();
    await send({ ...page, check });
    const verdict = await panel.page.locator('.verdict').innerText();
    assert.match(verdict, /2 of 9 numbers differ\.[^]*weights of the checkpoint attn-only-2l are others/);
    const rows = await cells('sources');
    assert.match(rows[0]!, /0\.8304\s+0\.4100\s+−0\.4204 differs/);
    assert.match(rows.join('\n'), /not found\s+differs/);
    assert.equal(rows.filter((row) => row.includes('differs')).length, 2);
    assert.equal((await cells('headScores')).join().includes('differs'), false);
  });

  it('without its checkpoint: one sentence and a way to choose another', async () => {
    await open();
    const problem = '/models/attn-only-2l does not exist; a checkpoint folder was expected.';
    await send({ ...page, checkpoint: { ...page.checkpoint!, problem } });
    assert.match(await panel.page.locator('.problem').innerText(), /does not exist/);
    assert.equal(await button('Re-run and Compare').count(), 0);
    await button('Choose another checkpoint…').click();
    assert.deepEqual(await sent(), ['chooseCheckpoint']);
  });

  it('while it runs there is a way to stop it; what went wrong is one sentence', async () => {
    await open();
    await send({ ...page, busy: { message: 'Running again: 42 tokens' } });
    await button('Cancel').click();
    assert.deepEqual(await sent(), ['cancel']);
    await send({ ...page, failed: 'There is no head L1H5 in this model.' });
    assert.equal(await panel.page.getByRole('alert').innerText(), 'There is no head L1H5 in this model.');
  });

  it('of a comparison: both checkpoints, the section, and no text where there is none', async () => {
    const other = { ...result.checkpoint, name: 'step2000', path: '../models/step2000' };
    const compared: ResultPage = {
      ...page,
      result: {
        ...{ ...result, ids: [], tokens: [], source: '', other, view: { panel: 'compare', section: 'scores' } },
        numbers: { scoreChanges: { 'L1H5 induction': -0.6741, 'L1H7 induction': -0.645 } },
      },
      other: { ...other, at: '/models/step2000', changes: [], problem: '/models/step2000 does not exist.' },
    };
    await open();
    await send(compared);
    const facts = await panel.page.locator('.facts').innerText();
    assert.match(facts, /Compare · Head scores[^]*Compared with[^]*step2000 does not exist/);
    assert.doesNotMatch(facts, /tokens/);
    assert.equal(await button('Re-run and Compare').count(), 0);
    await button('Choose another checkpoint…').click();
    assert.deepEqual(await sent(), ['chooseOther']);
    assert.match((await cells('scoreChanges'))[0]!, /L1H7 induction\s+−0\.6450/);
    await send({ ...compared, other: { ...compared.other!, problem: undefined as never } });
    await panel.shot('result-compare');
  });

  it('of latents with two autoencoders: both are there, either can be chosen anew', async () => {
    const files = (name: string): FoundFiles => ({ name, path: name, weights: 'aa', at: `/x/${name}`, changes: [] });
    const [other, sae, otherSae] = [files('step200'), files('sae-10'), files('sae-200')];
    const problem = '/x/sae-200 does not exist.';
    await open();
    await send({
      ...page,
      result: {
        ...{ ...result, other, sae, otherSae, view: { panel: 'compare', section: 'latents' } },
        numbers: { latentChanges: { '#604': 12.5 } },
      },
      ...{ other, sae, otherSae: { ...otherSae, problem } },
    });
    const facts = await panel.page.locator('.facts').innerText();
    assert.match(facts, /Autoencoder\s+sae-10[^]*Autoencoder of B\s+[^]*sae-200 does not exist/);
    assert.equal(await button('Re-run and Compare').count(), 0);
    await button('Choose another autoencoder…').click();
    assert.deepEqual(await sent(), ['chooseOtherSae']);
  });

  it('of another tool’s patterns: a head is chosen, read by the keyboard, and cannot be run again', async () => {
    await open();
    await send(importedPage);
    const facts = await panel.page.locator('.facts').innerText();
    assert.match(facts, /Read from[^]*patterns\.json/);
    assert.match(
      await panel.page.locator('.line').innerText(),
      /were read from patterns\.json: there is no checkpoint/,
    );
    for (const name of ['Open Panels', 'Re-run and Compare']) assert.equal(await button(name).count(), 0);
    const readout = panel.page.locator('.readout');
    assert.match(await readout.innerText(), /^41 “[^”]*” → 41 “[^”]*” 1/);
    await panel.page.getByLabel('Head', { exact: true }).selectOption('L0H1');
    await eventually('the other head', async () =>
      /→ 40 .*0?\.75/.test(await readout.innerText()) ? true : undefined,
    );
    await panel.page.locator('.patterns .map').focus();
    for (const key of ['ArrowUp', 'ArrowUp', 'ArrowLeft']) await panel.page.keyboard.press(key);
    assert.match(await readout.innerText(), /^39 “[^”]*” → 40 “[^”]*” 0/);
    await panel.page.setViewportSize({ width: 400, height: 1100 });
    const map = (await panel.page.locator('.patterns canvas').boundingBox())!;
    assert.ok(map.x + map.width <= 400, 'the whole map is on a narrow page');
    await panel.page.mouse.move(map.x + map.width - 2, map.y + map.height - 2);
    assert.match(await readout.innerText(), /^41 “[^”]*” → 41 /);
    for (const theme of ['dark', 'light'] as const) {
      await panel.close();
      await open({ theme });
      await send(importedPage);
      await panel.shot(`result-patterns-${theme}`);
      assert.deepEqual(await violations(panel.page), [], 'axe-core finds nothing');
    }
  });

  it('of a damaged file: what is wrong with it', async () => {
    await open({ scenario: 'hostile' });
    assert.match(await panel.page.getByRole('alert').innerText(), /ids is missing/);
    await button('Open as Text').click();
    assert.deepEqual(await sent(), ['text']);
  });

  for (const theme of ['dark', 'light', 'high-contrast', 'high-contrast-light'] as const)
    it(`has its picture taken, ${theme}`, async () => {
      await open({ theme });
      await send({ ...page, check });
      await panel.shot(`result-${theme}`);
      assert.deepEqual(await violations(panel.page), [], 'axe-core finds nothing');
    });
});
