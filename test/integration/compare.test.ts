import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import * as vscode from 'vscode';
import type { ExtensionParts } from '../../src/extension';
import { sourceOf } from '../../src/host/analyses';
import type { CheckpointInfo, HeadRef } from '../../src/protocol/checkpoint';
import { EngineErrorCode } from '../../src/protocol/engine';
import { readResult } from '../../src/protocol/readResult';
import { writeSteps } from '../support/trainingSteps';
import {
  answering,
  closeEverything,
  errorsDuring,
  eventually,
  extensionPath,
  openTotal,
  parts,
  referencePattern,
  run,
  sample,
} from './support';
import { readTensors } from '../unit/support/files';

const SAE = 'mlsae-neox-6l-x16-k16';
const HEAD: HeadRef = { layer: 1, head: 5 };
/** The second ` add` of prompt 0. */
const ADD = 27;

describe('two checkpoints and the steps of a training', () => {
  let p: ExtensionParts;
  let editor: vscode.TextEditor;
  /** Of `attn-only-2l`; the last one is the sample itself. */
  let steps: string[];

  const names = (): string[] => p.checkpoints.all.map(({ name }) => name);
  const open = async (folder: string): Promise<CheckpointInfo> => {
    const checkpoint = (await p.checkpoints.open(folder))!;
    await eventually('steps', () => p.steps.now);
    return checkpoint;
  };
  const analyze = async (folder: string): Promise<void> => {
    await p.analyses.run(await open(folder), sourceOf(editor.document, editor.selection));
  };
  const pattern = async (): Promise<Float32Array> => {
    const key = { reduction: 'one', weighting: 'pattern', head: HEAD } as const;
    return (await p.analyses.matrix(p.analyses.current!, key)).values;
  };
  /** Folders that the engine is asked to open while `work` runs. */
  const opening = async (work: (asked: string[]) => Promise<unknown>): Promise<string[]> => {
    const { request } = p.engine;
    const asked: string[] = [];
    const counting: typeof request = (method, params, options) => {
      if (method === 'openCheckpoint') asked.push(path.basename((params as { path: string }).path));
      return request(method, params, options);
    };
    Object.assign(p.engine, { request: counting });
    await work(asked).finally(() => Object.assign(p.engine, { request }));
    return asked;
  };
  const closed = (id: string): Promise<boolean> =>
    p.engine.request('bigrams', { checkpointId: id, top: 1 }).then(
      () => false,
      (error: { code?: number }) => error.code === EngineErrorCode.gone,
    );

  before(async () => {
    p = await parts();
    editor = await openTotal();
    steps = writeSteps(sample('attn-only-2l'), [0.3, 0.6, 1]);
  });
  afterEach(closeEverything);

  it('no slider without other steps', async () => {
    await p.checkpoints.open(sample('attn-only-2l'));
    await p.steps.goTo(0);
    assert.equal(p.steps.now, undefined);
    assert.deepEqual(names(), ['attn-only-2l']);
  });

  it('a step opens in place of the open one: same prompt, same locks, the patterns of the new weights', async () => {
    await analyze(steps[0]!);
    const first = p.checkpoints.active!;
    const before = await pattern();
    p.selection.apply({ kind: 'chooseHead', head: HEAD }, 'test');
    p.selection.apply({ kind: 'lockToken', token: ADD }, 'test');
    await run('goToStep', 2);
    assert.deepEqual(names(), ['step3000']);
    assert.deepEqual(p.steps.now!.current, 2);
    assert.equal(p.analyses.current!.checkpoint.name, 'step3000');
    assert.equal(p.analyses.all.length, 1);
    assert.deepEqual([p.selection.value.head, p.selection.value.locked], [HEAD, { destination: ADD }]);
    const expected = referencePattern('attn-only-2l', 0, HEAD);
    const after = await pattern();
    after.forEach((value, i) => assert.ok(Math.abs(value - expected[i]!) < 1e-3, `weight ${i}`));
    assert.ok(
      before.some((value, i) => Math.abs(value - after[i]!) > 0.3),
      'the first step had other patterns',
    );
    assert.ok(await closed(first.id), 'the engine still has the step that was left');
    await run('previousStep');
    assert.deepEqual(names(), ['step2000']);
    await run('nextStep');
    assert.deepEqual(names(), ['step3000']);
  });

  it('of quick moves only the last is opened, and what was on its way is given up', async () => {
    await analyze(steps[0]!);
    const quick = await opening(() => Promise.all([p.steps.goTo(1), p.steps.goTo(0), p.steps.goTo(2)]));
    assert.deepEqual(quick, ['step3000']);
    const late = await opening(async (asked) => {
      void p.steps.goTo(0);
      await eventually('a request for the first step', () => asked.includes('step1000') || undefined);
      await p.steps.goTo(1);
    });
    assert.deepEqual(late, ['step1000', 'step2000']);
    assert.deepEqual([names(), p.analyses.current!.checkpoint.name], [['step2000'], 'step2000']);
  });

  it('a step that cannot be opened leaves everything as it is, and is said in one sentence', async () => {
    const broken = writeSteps(sample('attn-only-2l'), [1, 1]);
    await analyze(broken[0]!);
    const { current } = p.analyses;
    await vscode.workspace.fs.writeFile(vscode.Uri.file(`${broken[1]}/config.json`), Buffer.from('{'));
    const said = await errorsDuring(() => p.steps.goTo(1));
    assert.equal(said.length, 1);
    assert.match(said[0]!, /config\.json/);
    assert.equal(p.analyses.current, current);
    assert.deepEqual([names(), p.steps.now!.current, p.steps.now!.target], [['step1000'], 0, undefined]);
  });

  it('the two are compared on the prompt; the slider moves one of them, the other stays', async () => {
    await analyze(steps[0]!);
    await run('compareCheckpoint', vscode.Uri.file(steps[2]!));
    assert.deepEqual(names(), ['step1000', 'step3000']);
    assert.equal(p.checkpoints.active!.name, 'step1000', 'the open one stays in use');
    const ids = p.analyses.current!.info.tokens.map(({ id }) => id);
    const distance = async (): Promise<number> =>
      Math.max(...(await p.comparison.ask('comparePatterns', { ids }, {})).maxDistance);
    assert.ok((await distance()) > 0.3);
    await run('goToStep', 1);
    assert.deepEqual(names(), ['step2000', 'step3000']);
    const { a, b, open: side } = p.comparison.sides!;
    assert.deepEqual([a.name, b.name, side], ['step2000', 'step3000', 'a']);
    p.comparison.swap();
    assert.deepEqual([p.comparison.sides!.a.name, p.comparison.sides!.open], ['step3000', 'b']);
    await run('goToStep', 2);
    assert.deepEqual(names(), ['step3000'], 'both are the same now');
    assert.equal(await distance(), 0);
    await run('goToStep', 0);
    assert.deepEqual(names().sort(), ['step1000', 'step3000'], 'what is compared with is not closed');
    assert.equal(p.comparison.sides!.b.name, 'step1000');
  });

  it('one that does not match is refused in one sentence and not left open', async () => {
    await analyze(steps[0]!);
    const said = await errorsDuring(async () => {
      await run('compareCheckpoint', vscode.Uri.file(sample('attn-only-1l')));
    });
    assert.equal(said.length, 1, said.join());
    assert.equal(p.comparison.sides, undefined);
    assert.deepEqual(names(), ['step1000']);
  });

  it('closing the panel closes what was opened to compare with', async () => {
    await analyze(steps[0]!);
    await run('compareCheckpoint', vscode.Uri.file(steps[2]!));
    const tab = await eventually('the panel', () =>
      vscode.window.tabGroups.all
        .flatMap(({ tabs }) => tabs)
        .find(({ input }) => input instanceof vscode.TabInputWebview && /circuitscope\.compare$/.test(input.viewType)),
    );
    await vscode.window.tabGroups.close(tab);
    await eventually('only one checkpoint', () => (names().length === 1 ? true : undefined));
    assert.equal(p.comparison.sides, undefined);
    assert.deepEqual(names(), ['step1000']);
  });

  it('an autoencoder reads the step that is open', async () => {
    const [first, second] = writeSteps(sample('neox-6l'), [0.4, 1]);
    await analyze(first!);
    const sae = (await p.latents.open(p.checkpoints.active!, sample(SAE)))!;
    const before = (await p.latents.encoding(p.analyses.current!))!;
    p.selection.apply({ kind: 'chooseLatent', latent: 604, layer: 3 }, 'test');
    await run('goToStep', 1);
    assert.equal(p.checkpoints.active!.path, second);
    assert.equal(p.latents.of(p.checkpoints.active!)!.path, sae.path);
    assert.equal(p.selection.value.latent, 604);
    const after = (await p.latents.encoding(p.analyses.current!))!;
    const file = extensionPath('test/fixtures/reference', SAE, 'reference.safetensors');
    const { 'prompt.0.topk_values': expected } = readTensors(file);
    expected!.data.forEach((value, i) => assert.ok(Math.abs(after.values[i]! - value) < 1e-3, `value ${i}`));
    assert.ok(before.values.some((value, i) => Math.abs(value - after.values[i]!) > 0.1));
    // compared with the first one, by the autoencoder that the engine has opened anew
    await run('compareCheckpoint', vscode.Uri.file(first!));
    const params = {
      saeId: p.latents.of(p.checkpoints.active!)!.id,
      ids: p.analyses.current!.info.tokens.map(({ id }) => id),
    };
    const compared = await p.comparison.ask('compareLatents', params, {});
    assert.ok(compared.changed > 100);
    compared.a.values.forEach((value, i) => assert.ok(Math.abs(value - after.values[i]!) < 1e-4, `value ${i} of A`));
  });

  it('latents, each with its own autoencoder: copied as code, saved, run again, opened as they were', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'circuitscope-own-'));
    const [first, second] = writeSteps(sample('neox-6l'), [0.4, 1]);
    const [ofA, ofB] = ['step1000', 'step2000'].map((name) => path.join(folder, name)) as [string, string];
    for (const own of [ofA, ofB]) cpSync(sample(SAE), own, { recursive: true });
    await analyze(first!);
    await p.latents.open(p.checkpoints.active!, ofA);
    await run('compareCheckpoint', vscode.Uri.file(second!));
    await p.latents.open(p.comparison.sides!.b, ofB);
    const { comparePanel } = p;
    comparePanel.show('latents');
    comparePanel.readWith(true);
    const latents = async (): Promise<NonNullable<typeof comparePanel.shown>> =>
      eventually('both autoencoders', () => {
        const { shown } = comparePanel;
        return shown?.section === 'latents' && shown.subject.otherSae ? shown : undefined;
      });
    await latents();
    const code = await eventually('the code', async () => {
      await vscode.env.clipboard.writeText('');
      await comparePanel.copyCode();
      return (await vscode.env.clipboard.readText()) || undefined;
    });
    assert.ok(code.includes(`encode_a, errors_a = opened_sae(${JSON.stringify(ofA)}, k=16)`), code);
    assert.ok(code.includes(`encode_b, errors_b = opened_sae(${JSON.stringify(ofB)}, k=16)`), code);
    const file = path.join(folder, 'own.circuitscope.json');
    const uri = vscode.Uri.file(file);
    await answering('showSaveDialog', [uri], () => run('saveResult', 'compare'));
    const saved = readResult(readFileSync(file, 'utf8'), file);
    assert.ok('result' in saved, JSON.stringify(saved));
    const { sae, otherSae, view } = saved.result;
    assert.deepEqual(
      [sae, otherSae].map((each) => path.resolve(folder, each!.path)),
      [ofA, ofB],
    );
    assert.deepEqual(view, { panel: 'compare', section: 'latents' });
    await closeEverything();
    comparePanel.readWith(false);
    await vscode.commands.executeCommand('vscode.open', uri);
    const page = await eventually('page', () => p.resultEditor.viewOf(uri));
    await eventually('its files', () => page.page.otherSae);
    await page.act('check');
    assert.equal(page.page.check?.same, true, JSON.stringify([page.page.failed, page.page.check]));
    await closeEverything();
    await vscode.commands.executeCommand('vscode.open', uri);
    const again = await eventually('page', () => p.resultEditor.viewOf(uri));
    await eventually('its files', () => again.page.otherSae);
    await again.act('open');
    const { subject } = await latents();
    assert.deepEqual([subject.a.path, subject.b.path], [first, second]);
    assert.deepEqual([subject.sae!.path, subject.otherSae!.path], [ofA, ofB]);
    rmSync(folder, { recursive: true, force: true });
  });
});
