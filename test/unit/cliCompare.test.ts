/** compare and steps of the built command line, as processes. */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { readSafetensors } from '../../src/engine/checkpoint/safetensors';
import * as cli from './support/cli';
import { otherWeights } from './support/comparedPair';
import { neox } from './support/families';
import { SAMPLES, tempFolder } from './support/files';
import { writeRandomCheckpoint } from './support/randomCheckpoint';
import { writeRandomSae } from './support/randomSae';

const CPU = ['--provider', 'cpu'];
const succeed = async (...args: string[]): Promise<string> => (await cli.succeed(...args)).stdout;

async function refused(message: RegExp, ...args: string[]): Promise<void> {
  const { status, stdout, stderr } = await cli.circuitscope(...args);
  assert.deepEqual([status, stdout], [2, '']);
  assert.match(stderr, message);
}

interface Result {
  tokens: { id: number }[];
  heads: { a: Numbers[]; b: Numbers[]; delta: Numbers[] };
  composition: { changes: { kind: string; a: number; b: number; delta: number }[] };
  patterns: { layer: number; head: number; distance: number; maxDistance: number; maxRow: number }[];
  nextTokens: { a: { loss: number }; b: { loss: number }; delta: (number | null)[]; kl: number[] };
  latents: {
    changed: number;
    changes: { latent: number; difference: number }[];
    perLayer: Record<'a' | 'b', unknown[]>;
  };
}
type Numbers = Record<string, number>;

describe('command line: compare, steps', function () {
  this.timeout(60_000);
  const run = tempFolder();
  const a = join(run, 'step100');
  const b = join(run, 'step2000');
  const ids = ['--ids', '3,8,1,3,8', ...CPU];
  before(() => {
    const variant = neox('parallel', {});
    cpSync(writeRandomCheckpoint(variant).folder, a, { recursive: true });
    cpSync(writeRandomCheckpoint(otherWeights(variant)).folder, b, { recursive: true });
    mkdirSync(join(run, 'step30'));
  });

  it('compare prints all differences as JSON, and writes arrays', async () => {
    const { folder } = writeRandomSae({ name: '', format: 'mlsae', activation: 'topk' }, { nInputs: 40 });
    const out = join(tempFolder(), 'compared.safetensors');
    const options = ['--mlsae', folder, '--top', '3', '--length', '4', '--out', out, '--json'];
    const result = JSON.parse(await succeed('compare', a, b, ...ids, ...options)) as Result;
    const { heads, composition, patterns, nextTokens, latents } = result;
    assert.equal(result.tokens.length, 5);
    assert.deepEqual([heads.a.length, heads.b.length, heads.delta.length, patterns.length], [10, 10, 10, 10]);
    assert.equal(heads.delta[7]!.induction, heads.b[7]!.induction! - heads.a[7]!.induction!);
    assert.equal(composition.changes.length, 3);
    assert.deepEqual([nextTokens.kl.length, nextTokens.delta[0]], [5, null]);
    assert.ok(nextTokens.a.loss > 0 && nextTokens.a.loss !== nextTokens.b.loss);
    assert.ok(latents.changed > 3 && latents.changes.length === 3 && latents.perLayer.b.length === 2);
    const tensors = await readSafetensors(out);
    const shapes = [...tensors].map(([name, { shape }]) => `${name} ${shape.join('×')}`);
    const composed = ['Q', 'K', 'V'].flatMap((kind) => ['a', 'b'].map((side) => `composition.${kind}.${side} 2×5×2×5`));
    assert.deepEqual(shapes.sort(), [...composed, 'patterns.distance 2×5×5'].sort());
    const { offset, length } = tensors.get('patterns.distance')!;
    const rows = new Float32Array(Uint8Array.from(readFileSync(out)).buffer.slice(offset, offset + length));
    const { distance } = patterns[9]!;
    assert.ok(Math.abs(rows.subarray(46, 50).reduce((x, y) => x + y) / 4 - distance) < 1e-6);
  });

  it('compare prints tables, without a prompt of what needs none', async () => {
    const whole = await succeed('compare', a, b, ...ids, '--top', '2');
    const headings = [
      /^head +previous/m,
      /^composition +a +b +b − a/m,
      /^pattern +distance +largest/m,
      /^pos +token +log p a/m,
    ];
    headings.forEach((heading) => assert.match(whole, heading));
    assert.match(whole, /mean loss [\d.]+ → [\d.]+ nats\n/);
    assert.equal(whole.match(/^L\dH\d/gm)!.length, 4);
    const short = await succeed('compare', a, b, ...CPU);
    assert.deepEqual(headings.map((heading) => heading.test(short)), [true, true, false, false]); // prettier-ignore
  });

  it('steps lists the checkpoints of a training, compare --steps scores them', async () => {
    const { stdout, stderr } = await cli.succeed('steps', b, '--json');
    const found = JSON.parse(stdout) as { folder: string; steps: { step: number }[]; current: number };
    assert.deepEqual([found.folder, found.current, found.steps.map(({ step }) => step)], [run, 1, [100, 2000]]);
    assert.match(stderr, /^step30 is left out/);
    assert.match(await succeed('steps', run), new RegExp(`^ +step +path\\n +100 +${a}\\n +2000 +${b}\\n$`));

    const score = ['--length', '4', '--batch', '1', ...CPU];
    const { steps } = JSON.parse(await succeed('compare', '--steps', run, ...score, '--json')) as {
      steps: { step: number; heads: Numbers[] }[];
    };
    const own = JSON.parse(await succeed('heads', b, ...score, '--json')) as Numbers[];
    assert.deepEqual(steps[1], { step: 2000, name: basename(b), path: b, heads: own });
    const text = await succeed('compare', '--steps', run, ...score, '--top', '3');
    const best = own.reduce((x, y) => (y.induction! > x.induction! ? y : x));
    assert.match(text, new RegExp(`^2000 .* ${best.induction!.toFixed(3)} +L${best.layer}H${best.head}$`, 'm'));
    assert.equal(text.match(/^L\dH\d +(previous|induction) +[\d.]+ +[\d.]+$/gm)!.length, 3);
  });

  it('compare refuses what cannot be compared', async () => {
    const sample = join(SAMPLES, 'attn-only-2l');
    await refused(/not of the same shape: nHeads is 8 in the first and 5 in the second/, 'compare', sample, b, ...CPU);
    await refused(/two checkpoints are expected/, 'compare', a, ...CPU);
    await refused(/two checkpoints or --steps, not both/, 'compare', a, '--steps', run);
    await refused(/--mlsae needs a prompt/, 'compare', a, b, '--mlsae', run);
    await refused(/--top: expected 1 or more/, 'compare', a, b, '--top', '0');
    await refused(/no checkpoints of training steps/, 'steps', tempFolder());
  });
});
