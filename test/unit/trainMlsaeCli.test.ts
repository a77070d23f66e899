/** train-mlsae of the built command line. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { circuitscope, succeed } from './support/cli';
import { readTensors, ROOT, SAMPLES, tempFolder } from './support/files';

const model = join(SAMPLES, 'neox-6l');
const corpus = ['--corpus', join(ROOT, 'src/engine/token.ts'), join(ROOT, 'src/engine/memory.ts'), '--context', '64'];
const small = ['--expansion-factor', '2', '-k', '4', '--batch', '32', '--lr', '1e-3', '--auxk', '8', '--seed', '3'];
/** More than a second's. */
const STEPS = 300;
const args = (out: string, steps: number): string[] => [
  ...['train-mlsae', model, ...corpus, ...small, '--layers', '1,4', '--steps', String(steps), '--out', out],
  ...['--provider', 'cpu'],
];

async function refused(message: RegExp, given: string[]): Promise<void> {
  const { status, stdout, stderr } = await circuitscope(...given);
  assert.deepEqual([status, stdout], [2, '']);
  assert.match(stderr, message);
  assert.equal(stderr.trim().split('\n').length, 1, stderr);
}

describe('command line: train-mlsae', function () {
  this.timeout(120_000);
  const out = join(tempFolder(), 'trained');

  it('stopped by a signal it saves, and goes on when it is run again', async () => {
    const child = spawn(process.execPath, [join(ROOT, 'dist/cli.js'), ...args(out, STEPS)]);
    let stderr = '';
    child.stderr.on('data', (data: Buffer) => {
      stderr += data.toString();
      // a second signal ends it at once
      if (/Step \d+ of \d+, loss/.test(stderr) && !child.killed) child.kill('SIGTERM');
    });
    const code = await new Promise((resolve) => child.on('close', resolve));
    assert.match(
      stderr,
      /Step \d+ of 300, loss \d\.\d+, FVU \d\.\d+, \d+\.\d % dead, [\d,]+ tokens\/s, \d+ (s|min) left/,
    );
    // Windows has no signals to catch: the process just ends there
    const posix = process.platform !== 'win32';
    if (posix) {
      assert.equal(code, 143, stderr);
      assert.match(stderr, /Stopped; run the same command again to go on with .*trained\.\n$/);
    }
    const { stdout } = await succeed(...args(out, STEPS), ...(posix ? ['--resume'] : []), '--json');
    const summary = JSON.parse(stdout) as Record<string, unknown> & { last: { fvu: number[] } };
    assert.deepEqual([summary.step, summary.complete, summary.tokens], [STEPS, true, 32 * STEPS]);
    assert.equal(summary.last.fvu.length, 2);
  });

  it('leaves an autoencoder in the paper’s format, which the other commands open', async () => {
    const tensors = readTensors(join(out, 'model.safetensors'));
    const shapes = Object.fromEntries(Object.entries(tensors).map(([name, { shape }]) => [name, shape]));
    assert.deepEqual(shapes, {
      'encoder.weight': [384, 192],
      'decoder.weight': [192, 384],
      pre_encoder_bias: [192],
      last_nonzero: [384],
    });
    const { stdout } = await succeed('layers', model, '--mlsae', out, '--prompt', 'const a = 1;', '--provider', 'cpu');
    assert.match(stdout, /^layer +FVU[^]*\n +1 [^]*\n +4 /);
    const text = (await succeed(...args(out, STEPS))).stdout;
    assert.match(text, /^layer +FVU\n +1 +\d\.\d{4}\n +4 +\d\.\d{4}\n300 steps, 9600 tokens, .* L0 \d\.\d, .* dead\n/);
  });

  it('refuses what makes no sense in one line', async () => {
    await refused(
      /with another number of steps \(300, not 301\): give another folder, or delete it\.$/m,
      args(out, STEPS + 1),
    );
    await refused(/--resume: .* has no training to go on with$/m, [...args(join(out, 'none'), 3), '--resume']);
    await refused(/--lr: expected a number, found “much”/, [...args(out, STEPS), '--lr', 'much']);
    await refused(/threads: found 0/, [...args(out, STEPS), '--threads', '0']);
    await refused(/layers: found 9; 0 to 5 are the layers of neox-6l/, [...args(out, STEPS), '--layers', '9']);
    await refused(/required option '--steps <n>' not specified/, args(out, STEPS).filter((a) => a !== '--steps' && a !== '300')); // prettier-ignore
  });
});
