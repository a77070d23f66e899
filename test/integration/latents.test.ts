import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import * as vscode from 'vscode';
import type { ExtensionParts } from '../../src/extension';
import { sourceOf, type Analysis } from '../../src/host/analyses';
import type { CheckpointInfo } from '../../src/protocol/checkpoint';
import type { SaeInfo } from '../../src/protocol/latents';
import { latentsAt, type Encoding } from '../../src/protocol/latents/encoding';
import { readTensors } from '../unit/support/files';
import { SAE_VARIANTS, writeRandomSae } from '../unit/support/randomSae';
import {
  answering,
  closeEverything,
  errorsDuring,
  eventually,
  extensionPath,
  openTotal,
  parts,
  run,
  sample,
} from './support';

const NAME = 'mlsae-neox-6l-x16-k16';
/** The second ` add` of prompt 0. */
const ADD = 27;

describe('latents', () => {
  let p: ExtensionParts;
  let checkpoint: CheckpointInfo;
  let sae: SaeInfo;
  let editor: vscode.TextEditor;
  let folder: string;
  let encoding: Encoding;

  const analysis = (): Analysis => p.analyses.current!;
  const placeOf = (token: number): vscode.Position =>
    editor.document.positionAt(analysis().tracked!.token(token)!.start + 1);
  const hover = async (token: number): Promise<string> => {
    const { uri } = editor.document;
    const ask = 'vscode.executeHoverProvider';
    const hovers = await vscode.commands.executeCommand<vscode.Hover[]>(ask, uri, placeOf(token));
    return hovers.flatMap(({ contents }) => contents.map((each) => (each as vscode.MarkdownString).value)).join('\n');
  };
  const analyze = async (): Promise<void> => {
    await p.analyses.run(checkpoint, sourceOf(editor.document, editor.selection));
    encoding = (await p.latents.encoding(analysis()))!;
  };

  const killEngine = async (): Promise<void> => {
    await errorsDuring(async (said) => {
      process.kill(p.engine.pid!, 'SIGKILL');
      await eventually('message', () => (said.length > 0 ? true : undefined));
      await p.engine.whenReady();
    });
    checkpoint = p.checkpoints.at(checkpoint.path)!;
  };

  before(async () => {
    p = await parts();
    // names are written beside it
    folder = mkdtempSync(path.join(tmpdir(), 'circuitscope-latents-'));
    cpSync(sample(NAME), path.join(folder, NAME), { recursive: true });
    editor = await openTotal();
    checkpoint = (await p.checkpoints.open(sample('neox-6l')))!;
    sae = (await p.latents.open(checkpoint, path.join(folder, NAME)))!;
    await analyze();
  });
  after(async () => {
    await closeEverything();
    rmSync(folder, { recursive: true });
  });

  it('are those of the reference', () => {
    assert.deepEqual([sae.label, sae.nLatents, sae.k, sae.layers.length], ['mlsae ×16 k16', 3072, 16, 6]);
    const file = extensionPath('test/fixtures/reference', NAME, 'reference.safetensors');
    const { 'prompt.0.topk_values': values } = readTensors(file);
    assert.equal(values!.data.length, encoding.values.length);
    values!.data.forEach((value, i) => assert.ok(Math.abs(encoding.values[i]! - value) < 1e-4, `value ${i}`));
  });

  it('are in the hover of a token, strongest first, with links', async () => {
    const text = await hover(ADD);
    assert.match(text, /latents · mlsae ×16 k16 on neox\\-6l/);
    const shown = [
      ...text.matchAll(/#(\d+)\]\(command:circuitscope\.openLatent\?%5B\1%5D\) \|([^|]*)\|([^|]*)\| ([\d.]+)/g),
    ];
    assert.deepEqual(
      shown.slice(0, 4).map(([, latent, , , value]) => [latent, value]),
      [
        ['54', '6.38'],
        ['555', '5.79'],
        ['604', '5.60'],
        ['1612', '5.54'],
      ],
    );
    assert.equal(shown[0]![2], ' ·total&nbsp;&nbsp;·add ');
    assert.match(shown[0]![3]!, /data:image\/svg\+xml/);
    assert.match(text, /\[Show Latents\]/);
  });

  it('are in the hover without a run once the prompt is encoded', async () => {
    const { engine } = p;
    const { request } = engine;
    const asked = new Set<string>();
    Object.assign(engine, { request: (...of: Parameters<typeof request>) => (asked.add(of[0]), request(...of)) });
    try {
      for (let token = 1; token < 40; token += 2) {
        const card = await p.hover.provideHover(editor.document, placeOf(token));
        assert.match((card!.contents[0] as vscode.MarkdownString).value, /openLatent/);
      }
    } finally {
      Object.assign(engine, { request });
    }
    // where it reads from is read off the patterns that are there; panels may ask for more
    assert.deepEqual(
      ['analyze', 'sources', 'encode'].filter((method) => asked.has(method)),
      ['sources'],
    );
  });

  it('that are chosen tint the code by their activation, and stand in the side bar', async () => {
    await run('openLatent', 604);
    assert.equal(p.selection.value.latent, 604);
    const expected = Array.from({ length: encoding.nTokens }, (_, token) => ({
      token,
      weight: (latentsAt(encoding, token).find(({ latent }) => latent === 604)?.max ?? 0) / 5.6,
    })).filter(({ weight }) => weight > 0.06);
    const tinted = await eventually('tint', () => {
      const now = p.decorations.current.tinted;
      return now.find(([token]) => token === ADD)?.[1] === 1 ? new Map(now) : undefined;
    });
    assert.ok(expected.length > 5);
    for (const { token, weight } of expected)
      assert.ok(Math.abs(tinted.get(token)! - weight) < 0.01, `token ${token}: ${tinted.get(token)} is not ${weight}`);
    const line = p.trees.selection.getChildren().find(({ label }) => label === '#604');
    assert.match(line!.description, /layers 3–5/);

    p.selection.apply({ kind: 'chooseLatent', latent: 604, layer: 2 }, 'test');
    await eventually('tint of layer 2', () => (p.decorations.current.tinted.length < 3 ? true : undefined));
    p.selection.apply({ kind: 'unlock' }, 'test');
    await eventually('no tint', () => (p.decorations.current.tinted.length === 0 ? true : undefined));
  });

  it('have a line under their checkpoint, two under the analysis, and one in the code lens', () => {
    const { checkpoints, analyses } = p.trees;
    const node = checkpoints.getChildren().find((each) => each.checkpoint.name === 'neox-6l')!;
    const own = checkpoints.getChildren(node).filter(({ kind }) => kind === 'sae');
    assert.equal(own.length, 1);
    const item = checkpoints.getTreeItem(own[0]!);
    assert.deepEqual([item.label, item.description], ['mlsae ×16', '3\u2009072']);
    const views = analyses.getChildren(analysis()).map((view) => analyses.getTreeItem(view).label);
    assert.deepEqual(views.slice(-2), ['Latents', 'Layers']);
    const lenses = p.codeLens.provideCodeLenses(editor.document).map(({ command }) => command!.title);
    assert.ok(lenses.includes('Show latents'), lenses.join());
  });

  it('have names beside the autoencoder, which show in the hover', async () => {
    const file = path.join(folder, NAME, 'latent-names.json');
    await p.latents.rename(sae, 54, { name: 'sum | total', note: 'a note' });
    assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), { 54: { name: 'sum | total', note: 'a note' } });
    assert.match(await hover(ADD), /#54\]\([^)]*\) \| \*\*sum \\\| total\*\*/);
    writeFileSync(file, JSON.stringify({ 555: { name: 'from elsewhere' } }));
    await eventually('the name that another wrote', () => (p.latents.names(sae)[555] ? true : undefined));
    assert.match(await hover(ADD), /from elsewhere/);
    assert.doesNotMatch(await hover(ADD), /sum/);
  });

  it('with a names file that is wrong are shown without names, with one message', async () => {
    const file = path.join(folder, NAME, 'latent-names.json');
    const said = await errorsDuring(async (messages) => {
      writeFileSync(file, '{"54": {"name": 3}}');
      await eventually('message', () => (messages.length > 0 ? true : undefined));
    });
    assert.deepEqual(said, [`${file}: "name" of latent 54 must be a text.`]);
    await assert.rejects(p.latents.rename(sae, 1, { name: 'x' }), /must be a text/);
    rmSync(file);
    await eventually('no names', () => (Object.keys(p.latents.names(sae)).length === 0 ? true : undefined));
  });

  it('come back after the engine was killed', async () => {
    const before = encoding;
    await killEngine();
    assert.match(await hover(ADD), /#54\D/);
    // those who hold the old description ask with it
    const again = await p.latents.ask('encode', sae, { ids: analysis().info.tokens.map(({ id }) => id) });
    assert.deepEqual(again.indices, before.indices);
    assert.notEqual(p.latents.of(checkpoint)!.id, sae.id);
    await analyze();
    assert.notEqual(encoding, before);
    assert.deepEqual(encoding.values, before.values);
  });

  it('of the same checkpoint stay chosen for another text', async () => {
    await run('openLatent', 604);
    await p.analyses.run(checkpoint, { name: 'prompt', text: 'one two three' });
    assert.equal(p.selection.value.latent, 604);
    assert.ok(await p.latents.encoding(analysis()));
  });

  it('go with their autoencoder', async () => {
    const { latents, selection } = p;
    await analyze();
    assert.equal(selection.value.latent, 604);
    await run('closeSae');
    assert.deepEqual([latents.all.length, latents.of(checkpoint), selection.value.latent], [0, undefined, undefined]);
    assert.doesNotMatch(await hover(ADD), /latents/);
    assert.equal(await latents.encoding(analysis()), undefined);
    await assert.rejects(latents.ask('mmcs', sae, {}), /no longer open/);
  });

  it('are offered where one autoencoder lies beside its model, and a click opens it', async () => {
    const { checkpoints } = p.trees;
    const node = checkpoints.getChildren().find((each) => each.checkpoint.name === 'neox-6l')!;
    const offer = await eventually('offer', () => checkpoints.getChildren(node).find(({ kind }) => kind === 'offer'));
    const { command, description } = checkpoints.getTreeItem(offer);
    assert.equal(description, NAME);
    await vscode.commands.executeCommand(command!.command, ...command!.arguments!);
    assert.equal(p.latents.of(checkpoint)?.path, sample(NAME));
    assert.ok(!checkpoints.getChildren(node).some(({ kind }) => kind === 'offer'));
  });

  it('of an autoencoder that does not fit are one message', async () => {
    const other = (await p.checkpoints.open(sample('attn-only-1l')))!;
    const messages: string[] = [];
    const opened = await p.latents.open(other, sample(NAME), {}, (message) => messages.push(message));
    assert.equal(opened, undefined);
    assert.equal(messages.length, 1);
    assert.match(messages[0]!, /192/);
    await p.checkpoints.close(other);
  });

  it('of a single-layer autoencoder are of the layer that is asked for, and of a tuned lens that is chosen', async () => {
    const { latents, trees } = p;
    const sparsify = SAE_VARIANTS.find(({ format }) => format === 'sparsify')!;
    const single = writeRandomSae(sparsify, { nInputs: 192, nLatents: 400, nLayers: 6, layer: 3 });
    const nameless = path.join(folder, 'nameless');
    renameSync(single.folder, nameless);
    await answering('showInputBox', ['3'], () => run('openSae', vscode.Uri.file(nameless)));
    const inUse = latents.of(checkpoint)!;
    assert.deepEqual([inUse.path, inUse.layers], [nameless, [3]]);
    assert.deepEqual((await latents.encoding(analysis()))!.layers, [3]);
    assert.match(await hover(ADD), /· layer 3/);

    // both are open; the one that is clicked is in use
    const node = trees.checkpoints.getChildren().find((each) => each.checkpoint.name === 'neox-6l')!;
    const nodes = trees.checkpoints.getChildren(node).filter(({ kind }) => kind === 'sae');
    assert.equal(nodes.length, 2);
    await run('showLatents', nodes[0]!);
    assert.equal(latents.of(checkpoint)!.name, NAME);
    await latents.close(inUse);

    const variant = SAE_VARIANTS.find(({ tunedLens }) => tunedLens === 'file')!;
    const lens = writeRandomSae(variant, { nInputs: 192, nLatents: 400, nLayers: 6 });
    const plain = (await latents.open(checkpoint, lens.folder))!;
    assert.equal(plain.tunedLens, false);

    const explained = path.join(folder, 'explanations.json');
    writeFileSync(
      explained,
      JSON.stringify([
        { index: '7', description: 'numbers' },
        { index: 8, description: 'a' },
      ]),
    );
    await latents.rename(plain, 8, { name: 'mine' });
    const errors = await errorsDuring(async () => {
      await answering('showOpenDialog', [[vscode.Uri.file(explained)]], () => run('importExplanations'));
    });
    assert.deepEqual(errors, []);
    assert.deepEqual(latents.names(plain), { 7: { name: 'numbers' }, 8: { name: 'mine' } });

    await answering('showOpenDialog', [[vscode.Uri.file(lens.tunedLens!)]], () => run('useTunedLens'));
    const tuned = latents.of(checkpoint)!;
    assert.deepEqual([tuned.path, tuned.tunedLens], [plain.path, true]);
    await killEngine();
    await latents.ask('mmcs', tuned, {});
    assert.equal(latents.of(checkpoint)!.tunedLens, true);
    await latents.close(tuned);
    rmSync(lens.folder, { recursive: true });
  });
});
