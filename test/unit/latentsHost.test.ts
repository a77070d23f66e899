import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from 'esbuild';
import type { Analysis } from '../../src/host/analyses';
import type { Latents } from '../../src/host/latents';
import type { Log } from '../../src/host/log';
import type { CheckpointInfo } from '../../src/protocol/checkpoint';
import type { ActiveLatents, Encoding } from '../../src/protocol/latents/encoding';
import { focusLatent, latentTint, layersOf, layersText, strongestTokens } from '../../src/protocol/latents/focus';
import { initialSelection, reduceSelection, type Selection, type SelectionEvent } from '../../src/protocol/selection';
import type * as Bundle from '../support/hostWithoutVscode';

const NONE = new Float64Array(0);
const quietLog = { info: () => undefined, error: () => undefined, debug: () => undefined } as unknown as Log;
const analysisOf = (texts: string[]): Analysis =>
  ({ ...infoOf(texts), source: { name: 'a.ts', text: '' } }) as unknown as Analysis;

/** Two layers (2 and 5), three tokens, two entries each: `[layer][token][[latent, value]…]`. */
function encodingOf(entries: [number, number][][][], layers = [2, 5]): Encoding {
  const flat = entries.flat(2);
  const active = [...new Set(flat.filter(([, value]) => value > 0).map(([latent]) => latent))];
  const byLayer = active.flatMap((latent) =>
    entries.map((layer) => layer.flat().reduce((sum, [j, value]) => sum + (j === latent ? value : 0), 0)),
  );
  const total = active.map((_, i) => byLayer.slice(i * layers.length, (i + 1) * layers.length).reduce((a, b) => a + b));
  return {
    nTokens: entries[0]!.length,
    nLatents: 10,
    layers,
    k: 2,
    indices: Int32Array.from(flat, ([latent]) => latent),
    values: Float32Array.from(flat, ([, value]) => value),
    max: Math.max(...flat.map(([, value]) => value)),
    active: {
      latent: Int32Array.from(active),
      byLayer: Float64Array.from(byLayer),
      total: Float64Array.from(total),
    } as ActiveLatents,
    bins: 0,
    perLayer: [],
    adjacent: { plain: NONE, centred: NONE },
    varianceRatios: {
      ...{ tokenOverLatent: NaN, latentOverTotal: NaN },
      plain: { tokenOverLatent: NaN, latentOverTotal: NaN },
    },
    runMs: 0,
    notices: [],
  };
}

const encoding = encodingOf([
  [
    [[7, 3], [1, 1]], // prettier-ignore
    [[7, 6], [2, 0]], // prettier-ignore
    [[9, 0], [2, 0]], // prettier-ignore
  ],
  [
    [[1, 4], [7, 0.1]], // prettier-ignore
    [[1, 2], [9, 0]], // prettier-ignore
    [[1, 1], [9, 0]], // prettier-ignore
  ],
]);
const TEXTS = ['a', ' b|', 'a'];
const infoOf = (texts: string[]): Pick<Analysis, 'info'> =>
  ({ info: { tokens: texts.map((text, id) => ({ id, text })) } }) as unknown as Pick<Analysis, 'info'>;

describe('latents in the selection', () => {
  const after = (...events: SelectionEvent[]): Selection => events.reduce(reduceSelection, initialSelection());

  it('lock and unlock, with the layer of their cell', () => {
    const locked = after({ kind: 'chooseLatent', latent: 7, layer: 5 });
    assert.deepEqual([locked.latent, locked.layer], [7, 5]);
    assert.equal(after({ kind: 'chooseLatent', latent: 7 }, { kind: 'chooseLatent', latent: 7 }).latent, undefined);
    const moved = after({ kind: 'chooseLatent', latent: 7 }, { kind: 'chooseLatent', latent: 7, layer: 2 });
    assert.deepEqual([moved.latent, moved.layer], [7, 2]);
    const free = reduceSelection(locked, { kind: 'unlock' });
    assert.deepEqual([free.latent, free.layer], [undefined, undefined]);
  });

  it('are previewed with the token of their cell, and nothing else is', () => {
    const s = after({ kind: 'hoverHead', head: { layer: 1, head: 2 } }, { kind: 'hoverLatent', latent: 3, token: 4 });
    assert.deepEqual([s.previewLatent, s.preview, s.previewHead], [3, { destination: 4 }, undefined]);
    assert.equal(reduceSelection(s, { kind: 'hoverToken', token: 1 }).previewLatent, undefined);
    assert.equal(reduceSelection(s, { kind: 'leave' }).previewLatent, undefined);
  });

  it('tint: the one under the pointer before the locked one, at its own layer', () => {
    const locked = after({ kind: 'chooseLatent', latent: 7, layer: 5 });
    assert.deepEqual(focusLatent(locked), { latent: 7, layer: 5 });
    assert.deepEqual(focusLatent(reduceSelection(locked, { kind: 'hoverLatent', latent: 1 })), { latent: 1 });
    assert.equal(focusLatent(initialSelection()), undefined);
  });
});

describe('a latent in a text', () => {
  const close = (a: ArrayLike<number>, b: number[]): void =>
    b.forEach((value, i) => assert.ok(Math.abs(a[i]! - value) < 1e-6, `${[...Array.from(a)]} is not ${b}`));

  it('tints by its activation over its own largest', () => {
    close(latentTint(encoding, { latent: 7 }), [0.5, 1, 0]);
    close(latentTint(encoding, { latent: 7, layer: 5 }), [0.1 / 6, 0, 0]);
    close(latentTint(encoding, { latent: 1 }), [1, 0.5, 0.25]);
    close(latentTint(encoding, { latent: 9 }), [0, 0, 0]);
    assert.equal(latentTint(encoding, { latent: 9 }).length, 3);
  });

  it('is said to be in the layers with a share of it', () => {
    assert.equal(layersOf(encoding, 7), 'layer 2'); // 9 of 9.1
    assert.equal(layersOf(encoding, 1), 'layers 2, 5'); // 1 and 7 of 8
    assert.equal(layersOf(encoding, 9), 'not active');
    assert.equal(layersText([0, 1, 2, 3, 4], [0.3, 0.04, 0.2, 0.2, 0.05]), 'layers 0, 2–4');
  });

  it('has strongest tokens, each text once', () => {
    assert.deepEqual(strongestTokens(encoding, [7, 1, 9], TEXTS, 2), [[' b|', 'a'], ['a', ' b|'], []]);
    assert.deepEqual(strongestTokens(encoding, [7], TEXTS, 1), [[' b|']]);
  });
});

describe('latents in the host', function () {
  this.timeout(20_000);
  let folder: string;
  let host: typeof Bundle;
  const sae = (): { path: string; nLatents: number } => ({ path: folder, nLatents: 10 });
  const file = (): string => join(folder, 'latent-names.json');

  before(async () => {
    const bundle = mkdtempSync(join(tmpdir(), 'circuitscope-host-'));
    const outfile = join(bundle, 'host.js');
    await build({
      ...{ entryPoints: ['test/support/hostWithoutVscode.ts'], outfile, bundle: true },
      ...{ platform: 'node', target: 'node20', format: 'cjs', alias: { vscode: './test/support/fakeVscode.ts' } },
    });
    host = createRequire(outfile)(outfile) as typeof Bundle;
    rmSync(bundle, { recursive: true });
  });
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'circuitscope-names-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  describe('names', () => {
    const open = (errors: string[] = [], changes: string[] = []): InstanceType<typeof Bundle.LatentNamesFile> =>
      new host.LatentNamesFile(
        sae(),
        () => changes.push('changed'),
        (message) => errors.push(message),
      );

    it('are written sorted, read back, and told about', async () => {
      const changes: string[] = [];
      const names = open([], changes);
      await names.rename(9, { name: 'nine' });
      await Promise.all([names.rename(2, { name: 'two', note: 'a note' }), names.rename(1, { name: 'one' })]);
      assert.deepEqual(names.names, { 1: { name: 'one' }, 2: { name: 'two', note: 'a note' }, 9: { name: 'nine' } });
      const text = readFileSync(file(), 'utf8');
      assert.deepEqual(text.match(/"\d"/g), ['"1"', '"2"', '"9"']);
      assert.ok(text.endsWith('}\n'));
      assert.equal(changes.length, 3);
      assert.deepEqual(readdirSync(folder), ['latent-names.json']);
      const again = open();
      await again.reload();
      assert.deepEqual(again.names, names.names);
    });

    it('keep what others wrote, also since the file was read', async () => {
      const names = open();
      await names.reload();
      const others = { $schema: 'x', 4: { name: 'old', note: 'n', by: 'A' }, 5: { name: 'five' } };
      writeFileSync(file(), JSON.stringify(others));
      await names.rename(4, { name: 'new' });
      assert.deepEqual(JSON.parse(readFileSync(file(), 'utf8')), {
        ...{ $schema: 'x', 4: { name: 'new', by: 'A' }, 5: { name: 'five' } },
      });
      await names.rename(5, { name: '' });
      await names.rename(4, { name: '' });
      assert.deepEqual(JSON.parse(readFileSync(file(), 'utf8')), { $schema: 'x', 4: { by: 'A' } });
    });

    it('that are wrong are one sentence, are not used, and are not written over', async () => {
      const wrong: [string, RegExp][] = [
        ['{', /latent-names\.json: not JSON/],
        ['[]', /expected an object of latents/],
        ['{"10": {"name": "x"}}', /there is no latent 10, the autoencoder has 10/],
        ['{"3": "x"}', /latent 3 must be an object/],
        ['{"3": {"name": 4}}', /"name" of latent 3 must be a text/],
        ['{"3": {"name": "x", "note": []}}', /"note" of latent 3 must be a text/],
      ];
      for (const [text, message] of wrong) {
        const errors: string[] = [];
        const names = open(errors);
        writeFileSync(file(), text);
        await names.reload();
        await names.reload();
        assert.equal(errors.length, 1, errors.join());
        assert.match(errors[0]!, message);
        assert.ok(errors[0]!.includes(file()));
        assert.deepEqual(names.names, {});
        await assert.rejects(names.rename(1, { name: 'one' }), message);
        assert.equal(readFileSync(file(), 'utf8'), text);
      }
    });

    it('that go wrong are forgotten, and come back when they are right again', async () => {
      const names = open();
      await names.rename(1, { name: 'one' });
      const right = readFileSync(file(), 'utf8');
      writeFileSync(file(), 'x');
      await names.reload();
      assert.deepEqual(names.names, {});
      writeFileSync(file(), right);
      await names.reload();
      assert.equal(names.names[1]?.name, 'one');
    });
  });

  describe('hover', () => {
    /** Cells of the rows of the table, without the gap in the middle. */
    const rows = (token: number, names = {}): string[][] =>
      host
        .latentTable('latents', infoOf(TEXTS), encoding, names, token)
        .split('\n')
        .slice(4)
        .map((row) => row.split(/(?<!\\)\|/).slice(1, -1))
        .map((cells) => cells.map((cell) => cell.trim()).filter((_, i) => i !== 4));

    it('has each active latent, strongest first, two in a row', () => {
      const [title, , head] = host.latentTable('latents', infoOf(TEXTS), encoding, {}, 0).split('\n');
      assert.deepEqual([title, head], ['latents · layers 2–5', '|  |  |  |  |  |  |  |  |  |']);
      const found = rows(0, { 7: { name: 'seven|up and some more words' } });
      assert.equal(found.length, 1);
      const link = (latent: number): string => `[\\#${latent}](command:circuitscope.openLatent?%5B${latent}%5D)`;
      const [one, what, , value, seven, name, , itsValue] = found[0]!;
      assert.deepEqual([one, what, value], [link(1), 'a&nbsp;&nbsp;·b\\|', '4.00']);
      assert.deepEqual([seven, name, itsValue], [link(7), '**seven\\|up and some more…**&nbsp;&nbsp;·b\\|', '3.00']);
    });

    it('has one column for one latent', () => {
      assert.deepEqual(
        rows(2).map((cells) => cells.length),
        [4],
      );
    });

    it('draws a bar for every layer, scaled to the largest', () => {
      const svg = Buffer.from(/base64,([^)]*)\)/.exec(rows(0)[0]![2]!)![1]!, 'base64').toString();
      // latent 1 on token 0: 1 in layer 2, 4 in layer 5, of 14 pixels
      assert.deepEqual(svg.match(/ height="[\d.]+" fill/g), [' height="3.5" fill', ' height="14" fill']);
    });

    it('says when nothing is active, and when the token is beyond the encoding', () => {
      const none = encodingOf([[[[1, 0], [2, 0]]]], [3]); // prettier-ignore
      assert.equal(host.latentTable('latents', infoOf(['a']), none, {}, 0), 'latents: none is active here');
      assert.equal(host.latentTable('latents', infoOf(['a', 'b']), none, {}, 1), 'latents: none is active here');
    });

    const fake = (of: Partial<Latents>): Latents =>
      ({ of: () => ({ label: 'mlsae ×16 k16' }), names: () => ({}), encodingNow: () => undefined, ...of }) as Latents;
    const analysis = { ...infoOf(TEXTS), checkpoint: { name: 'neox-6l' } } as unknown as Analysis;

    it('does not wait for an encoding', async () => {
      const never = { encoding: () => new Promise<undefined>(() => undefined), encodingError: () => undefined };
      assert.match(await host.latentsSection(fake(never), analysis, 0), /^latents · mlsae ×16 k16 on neox\\-6l: enc/);
    });

    it('takes one that is nearly there, and says why there is none', async () => {
      const soon = { encoding: () => sleep(5, encoding), encodingError: () => undefined };
      assert.match(await host.latentsSection(fake(soon), analysis, 0), /openLatent/);
      const failed = {
        encoding: () => Promise.reject(new Error('x')),
        encodingError: () => 'The width does not fit.',
      };
      assert.match(await host.latentsSection(fake(failed), analysis, 0), /: The width does not fit\\\.$/);
      assert.equal(await host.latentsSection(fake({ of: () => undefined }), analysis, 0), '');
    });
  });

  it('encodings are computed once, and again when they failed', async () => {
    let calls = 0;
    let fails = true;
    const encodings = new host.Encodings<object>(
      quietLog,
      (_, ids) => (
        calls++,
        fails ? Promise.reject(new Error('no')) : Promise.resolve({ ...encoding, bins: ids.length })
      ),
      () => undefined,
    );
    const [one, analysis] = [{}, analysisOf(TEXTS)];
    await assert.rejects(encodings.of(one, analysis));
    await sleep(0);
    assert.deepEqual([encodings.has(one, analysis), encodings.has(one, analysis, true)], [true, false]);
    assert.equal(encodings.error(one, analysis), 'no');
    fails = false;
    const [a, b] = await Promise.all([encodings.of(one, analysis), encodings.of(one, analysis)]);
    assert.equal(a, b);
    assert.equal(a.bins, 3);
    assert.equal(encodings.now(one, analysis), a);
    assert.equal(encodings.now({}, analysis), undefined);
    assert.equal(calls, 2);
  });

  it('an encoding can be cancelled, and gives way to one of another text', async () => {
    const encodings = new host.Encodings<object>(
      quietLog,
      (_, __, { token }) =>
        new Promise((_resolve, reject) => {
          token!.onCancellationRequested(() => reject(new host.EngineCancelledError()));
        }),
      () => undefined,
    );
    const [sae, one, other] = [{}, analysisOf(TEXTS), analysisOf(TEXTS)];
    const first = encodings.of(sae, one);
    const second = encodings.of(sae, other);
    await assert.rejects(first, /^Error: Encoding a\.ts was cancelled\. Run the analysis again\.$/);
    encodings.cancel();
    await assert.rejects(second, /was cancelled/);
    await sleep(0);
    assert.match(encodings.error(sae, other)!, /was cancelled/);
  });

  describe('selection', () => {
    const checkpoint = (path: string): CheckpointInfo =>
      ({ path, architecture: 'gpt_neox', nLayers: 6, nHeads: 8 }) as CheckpointInfo;
    const context = (): unknown => host.executed.at(-1)?.[2];

    it('keeps a latent for another text, drops it for another checkpoint of the same shape', () => {
      const store = new host.SelectionStore();
      store.reset(checkpoint('/a'));
      store.apply({ kind: 'chooseLatent', latent: 604, layer: 3 }, 'test');
      assert.equal(context(), true);
      store.apply({ kind: 'lockToken', token: 1 }, 'test');
      store.reset(checkpoint('/a'));
      assert.deepEqual([store.value.latent, store.value.layer, store.value.locked], [604, 3, {}]);
      assert.equal(context(), true);
      store.reset(checkpoint('/b'));
      assert.deepEqual([store.value.latent, store.value.layer], [undefined, undefined]);
      assert.equal(context(), false);
    });

    it('lets a latent go with its autoencoder, and nothing else', () => {
      const store = new host.SelectionStore();
      store.reset(checkpoint('/a'));
      store.apply({ kind: 'lockToken', token: 1 }, 'test');
      store.apply({ kind: 'chooseLatent', latent: 604, layer: 3 }, 'test');
      store.apply({ kind: 'hoverLatent', latent: 5 }, 'test');
      store.dropLatent();
      const { latent, layer, previewLatent, locked } = store.value;
      assert.deepEqual([latent, layer, previewLatent], [undefined, undefined, undefined]);
      assert.deepEqual(locked, { destination: 1 });
      assert.equal(context(), true);
    });
  });
});
