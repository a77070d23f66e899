/** Sweeps that are killed, cancelled and begun again, and folders that hold something else. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cpSync, readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { CancelledError } from '../../src/engine/errors';
import { latentExamples, openSweep } from '../../src/engine/mlsae/corpus/results';
import { readRecord } from '../../src/engine/mlsae/corpus/store';
import { sweep } from '../../src/engine/mlsae/corpus/sweep';
import type { OpenSae } from '../../src/engine/mlsae/types';
import type { Corpus, CorpusSummary, LatentExamples, SweepParams } from '../../src/protocol/latents/corpus';
import { left, refuses, writeSmallCorpus } from './support/corpus';
import { openSampleSae } from './support/effects';
import { ROOT, SAMPLES, tempFolder, writeFile } from './support/files';
import { noSteps } from './support/models';

describe('a sweep that is stopped', function () {
  this.timeout(240_000);
  let open: OpenSae;
  let corpus: Corpus;
  let whole: string;
  const run = (more: Partial<SweepParams>, steps = noSteps): Promise<CorpusSummary> =>
    sweep(open, { corpus, out: whole, ...more }, steps);
  const newFolder = (): string => join(tempFolder(), 'results');

  before(async () => {
    open = await openSampleSae();
    corpus = writeSmallCorpus();
    whole = newFolder();
    await run({});
  });
  after(async () => {
    await open.saeRunner.dispose();
    await open.model.runner.dispose();
  });

  it('killed again and again, it equals the sweep in one go bit for bit', async () => {
    const script = join(tempFolder(), 'sweepChild.js');
    const entryPoints = [join(ROOT, 'test/support/sweepChild.ts')];
    const external = ['onnxruntime-node'];
    await build({
      entryPoints,
      outfile: script,
      bundle: true,
      platform: 'node',
      target: 'node20',
      format: 'cjs',
      external,
    });
    const out = newFolder();
    const params = JSON.stringify({ corpus, out });
    const env = { ...process.env, NODE_PATH: join(ROOT, 'node_modules') };
    const tokens: number[] = [];
    for (let after = 5; ; after += 3) {
      const child = spawn(process.execPath, [script, SAMPLES, params], { env, stdio: ['ignore', 'pipe', 'inherit'] });
      let steps = 0;
      child.stdout.on('data', (data: Buffer) => {
        steps += data.toString().split('\n').length - 1;
        if (steps >= after) child.kill('SIGKILL');
      });
      const code = await new Promise((resolve) => child.on('close', resolve));
      const record = await readRecord(out);
      if (code === 0) break;
      assert.equal(child.signalCode, 'SIGKILL');
      if (record) tokens.push((await openSweep(open, { dir: out }, noSteps)).tokens);
    }
    assert.ok(tokens.length > 1, 'it was killed in the middle');
    assert.ok(tokens.every((n, i) => i === 0 || n >= tokens[i - 1]!) && new Set(tokens).size > 1, tokens.join());
    assert.deepEqual(left(out), left(whole));
  });

  it('cancelled, it keeps what is done and goes on there', async () => {
    const out = newFolder();
    let steps = 0;
    const cancelling = {
      step: async () => {
        if (++steps > 40) throw new CancelledError();
      },
    };
    await assert.rejects(run({ out }, cancelling), { name: 'CancelledError' });
    const partial = await openSweep(open, { dir: out }, noSteps);
    const { tokens } = await openSweep(open, { dir: whole }, noSteps);
    assert.equal(partial.complete, false);
    assert.ok(partial.tokens > 0 && partial.tokens < tokens);
    const seen: number[] = [];
    await run({ out }, { step: async (_, fraction) => void seen.push(fraction ?? 0) });
    assert.ok(seen.find((fraction) => fraction > 0)! > 0.9 * (partial.tokens / tokens), 'it does not begin again');
    assert.deepEqual(left(out), left(whole));
  });

  it('of equal activations the one that comes first in the corpus is kept', async () => {
    const { examples } = await strongest(open, whole);
    const names = examples.map(({ source }) => source);
    assert.ok(names.includes('engine-errors.ts') && names.includes('long.txt'), names.join());
    const [first, second] = examples.filter(({ source }) => source === 'engine-errors.ts' || source === 'long.txt');
    assert.equal(first!.value, second!.value);
    assert.equal(first!.source, 'engine-errors.ts');
    const out = newFolder();
    await run({ out, examples: 1 });
    const one = await latentExamples(open, { dir: out, latent: (await strongest(open, whole)).latent }, noSteps);
    assert.ok(one.examples.every(({ source }) => source !== 'long.txt'));
  });

  it('says how fast it is and how long it will take', async () => {
    const messages: string[] = [];
    const fractions: number[] = [];
    const steps = {
      step: async (message: string, fraction?: number) => {
        messages.push(message);
        if (fraction !== undefined) fractions.push(fraction);
      },
    };
    await run({ out: newFolder() }, steps);
    assert.match(messages.at(-1)!, /^[\d,]+ tokens, [\d,]+ a second, \d+ (s|min) left$/);
    assert.ok(
      fractions.every((fraction, i) => fraction >= 0 && fraction <= 1 && (i === 0 || fraction >= fractions[i - 1]!)),
    );
  });

  it('refuses a folder that has another sweep, in one sentence', async () => {
    await refuses(
      run({ corpus: { ...corpus, context: 64 } }),
      /has a sweep of another context \(128, not 64\): give another/,
    );
    await refuses(run({ corpus: { ...corpus, maxTokens: 5 } }), /another maximum of tokens \(none, not 5\)/);
    await refuses(run({ examples: 2 }), /another number of examples \(4, not 2\)/);
    await refuses(run({ corpus: { ...corpus, globs: ['*.ts'] } }), /another number of files/);
    await refuses(run({ shard: { index: 0, count: 2 } }), /a sweep of the whole corpus, not shard 0\/2/);
    const { sae } = open;
    const trained = { ...open, sae: { ...sae, name: 'other' } };
    await refuses(
      sweep(trained, { corpus, out: whole }, noSteps),
      /another autoencoder \(mlsae-neox.*, not other .*\)/,
    );
    await refuses(openSweep(trained, { dir: whole }, noSteps), /sweep of another autoencoder/);
  });

  it('refuses what is no sweep, or a damaged one', async () => {
    await refuses(
      openSweep(open, { dir: tempFolder() }, noSteps),
      /has no sweep: a folder with sweep\.json was expected\.$/,
    );
    await refuses(openSweep(open, { dir: '/nowhere' }, noSteps), /has no sweep/);
    await refuses(latentExamples(open, { dir: whole, latent: 3072 }, noSteps), /no latent #3072/);
    const broken = (change: (record: Record<string, unknown>) => void): string => {
      const dir = tempFolder();
      cpSync(whole, dir, { recursive: true });
      const record = JSON.parse(readFileSync(join(dir, 'sweep.json'), 'utf8')) as Record<string, unknown>;
      change(record);
      writeFile(join(dir, 'sweep.json'), record);
      return dir;
    };
    const opens = (dir: string): Promise<unknown> => openSweep(open, { dir }, noSteps);
    await refuses(
      opens(broken((record) => (record.version = 9))),
      /sweep\.json is of version 9; version 1 was expected/,
    );
    await refuses(opens(broken((record) => delete record.scalars)), /writes: scalars is missing or wrong/);
    await refuses(opens(broken((record) => (record.tensors = '../../secret'))), /tensors is missing or wrong/);
    await refuses(
      opens(broken((record) => (record.nLatents = 7))),
      /tensor counts of shape 6 × 7 was expected, found 6 × 3072/,
    );
    const cut = broken(() => undefined);
    truncateSync(join(cut, 'sweep.safetensors'), 5000);
    await refuses(opens(cut), /sweep\.safetensors/);
    const text = broken(() => undefined);
    writeFile(join(text, 'sweep.json'), '{');
    await refuses(opens(text), /sweep\.json is not valid JSON/);
  });

  it('refuses to write where another process writes, and bad parameters', async () => {
    const out = newFolder();
    let other: Promise<unknown> | undefined;
    let steps = 0;
    const meddling = {
      step: async () => {
        if (++steps === 20) await (other = run({ out }));
      },
    };
    await refuses(run({ out }, meddling), /Another sweep writes to .*: one at a time was expected\.$/);
    await other;
    assert.deepEqual(left(out), left(whole));
    await refuses(run({ out: newFolder(), shard: { index: 2, count: 2 } }), /shard: found 2\/2/);
    await refuses(run({ out: newFolder(), examples: 65 }), /examples: found 65/);
    await refuses(run({ out: join(corpus.folder, 'long.txt/x') }), /cannot be written/);
  });
});

/** A latent whose strongest activations in layer 0 are those of the text that is said twice. */
async function strongest(open: OpenSae, dir: string): Promise<LatentExamples> {
  for (let latent = 0; latent < open.sae.nLatents; latent++) {
    const { examples } = await latentExamples(open, { dir, latent }, noSteps);
    const own = examples.filter(({ layer }) => layer === 0);
    if (own[0]?.source === 'engine-errors.ts' && own[1]?.source === 'long.txt') return { latent, examples: own };
  }
  throw new Error('no latent is strongest in both');
}
