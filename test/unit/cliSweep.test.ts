/** sweep, merge and layers --corpus of the built command line, and the Slurm jobs that it writes. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { circuitscope, succeed } from './support/cli';
import { readTensors, ROOT, SAMPLES, tempFolder, writeFile } from './support/files';

const run = promisify(execFile);
const CPU = ['--provider', 'cpu'];
const model = [join(SAMPLES, 'neox-6l'), '--mlsae', join(SAMPLES, 'mlsae-neox-6l-x16-k16'), ...CPU];
/** With characters that a shell or Slurm may take for its own. */
const folder = join(tempFolder(), 'a $b 100% "c"');
const corpus = join(folder, 'texts');
const small = ['--corpus', corpus, '--context', '64', '--max-tokens', '300'];

const left = (dir: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(dir)
      .filter((name) => /^sweep\.(json|files\.txt|safetensors)$/.test(name))
      .map((name) => [name, readFileSync(join(dir, name)).toString('base64')]),
  );

async function refused(message: RegExp, ...args: string[]): Promise<void> {
  const { status, stdout, stderr } = await circuitscope(...args);
  assert.deepEqual([status, stdout], [2, '']);
  assert.match(stderr, message);
  assert.equal(stderr.trim().split('\n').length, 1, stderr);
}

describe('command line: sweep, merge, layers --corpus', function () {
  this.timeout(120_000);
  const whole = join(folder, 'whole');

  before(async () => {
    for (const file of ['memory.ts', 'serial.ts', 'token.ts', 'errors.ts'])
      writeFile(join(corpus, file), readFileSync(join(ROOT, 'src/engine', file)));
    await succeed('sweep', ...model, ...small, '--out', whole);
  });

  it('sweep prints totals, and again what is in the folder', async () => {
    const { stdout } = await succeed('sweep', ...model, ...small, '--out', whole, '--json');
    const { tokens, complete, layers, examples } = JSON.parse(stdout) as Record<string, unknown>;
    assert.deepEqual([tokens, complete, layers, examples], [300, true, [0, 1, 2, 3, 4, 5], 4]);
    const text = (await succeed('sweep', ...model, ...small, '--out', whole)).stdout;
    assert.match(text, /^layer +FVU .*\n +0 .*\n[^]*300 tokens of \d texts, \d+ of 3072 latents dead\n/);
  });

  it('layers --corpus has the same counts and totals', async () => {
    const out = join(folder, 'layers.safetensors');
    const { stdout } = await succeed('layers', ...model, ...small, '--out', out, '--json');
    const { counts, totals } = readTensors(out);
    const swept = readTensors(join(whole, 'sweep.safetensors'));
    assert.deepEqual(counts!.shape, [6, 3072]);
    assert.match(stdout, /"notices":/);
    assert.deepEqual(counts!.data, swept.counts!.data);
    assert.deepEqual(totals!.data, swept.totals!.data);
    assert.equal((JSON.parse(stdout) as { tokens: number }).tokens, 300);
  });

  it('--dead-below changes the dead latents of a sweep that is done, of layers and of merge, and what was skipped is told', async () => {
    const binary = writeFile(join(folder, 'skipped', 'b.txt'), Buffer.from([0x61, 0x00, 0xff]));
    const read = ['--corpus', corpus, binary, '--context', '64', '--max-tokens', '300'];
    const out = join(folder, 'dead');
    type Told = { dead: { count: number; threshold: number }; notices: string[] };
    const json = async (...args: string[]): Promise<Told> =>
      JSON.parse((await succeed(...args, '--json')).stdout) as Told;
    const sweep = ['sweep', ...model, ...read, '--out', out];
    const [usual, some] = [await json(...sweep), await json(...sweep, '--dead-below', '0.05')];
    assert.equal(usual.dead.threshold, 1e-7);
    const { counts } = readTensors(join(out, 'sweep.safetensors'));
    const active = Array.from({ length: 3072 }, (_, j) =>
      [0, 1, 2, 3, 4, 5].reduce((sum, l) => sum + Number(counts!.data[l * 3072 + j]), 0),
    );
    const dead = active.filter((count) => count < 0.05 * 300).length;
    assert.deepEqual([some.dead.count, some.dead.threshold], [dead, 0.05]);
    assert.ok(dead > usual.dead.count);
    const layers = await json('layers', ...model, ...read, '--dead-below', '0.05');
    const shard = join(folder, 'dead shard');
    await succeed('sweep', ...model, ...read, '--out', shard, '--shard', '0/1');
    const merged = await json('merge', shard, '--out', join(folder, 'dead merged'), '--dead-below', '0.05');
    assert.deepEqual(layers.dead, some.dead);
    assert.deepEqual(merged.dead, some.dead);
    for (const { notices } of [usual, some, layers, merged]) assert.match(notices.join(), /b\.txt/);
    await refused(/--dead-below: expected a fraction from 0 to 1, found “2”/, ...sweep, '--dead-below', '2');
  });

  // Windows has no signals to catch, and Slurm does not run there
  const posix = process.platform === 'win32' ? (): void => undefined : it;

  posix('SIGTERM saves, and the same command goes on', async () => {
    const out = join(folder, 'stopped');
    // long enough that it is not over before its second message
    const texts = [
      corpus,
      join(SAMPLES, 'workspace'),
      join(ROOT, 'src/engine/checkpoint'),
      join(ROOT, 'src/engine/graph'),
    ];
    const args = ['sweep', ...model, '--corpus', ...texts, '--context', '64', '--max-tokens', '12000', '--out', out];
    const child = spawn(process.execPath, [join(ROOT, 'dist/cli.js'), ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let messages = '';
    child.stderr.on('data', (data: Buffer) => {
      messages += data.toString();
      // the first line about tokens: something is done
      if (messages.includes('a second') && !child.killed) child.kill('SIGTERM');
    });
    const code = await new Promise((resolve) => child.on('close', resolve));
    assert.equal(code, 143, messages);
    assert.match(messages, /Stopped; run the same command again to go on with /);
    const partial = JSON.parse(readFileSync(join(out, 'sweep.json'), 'utf8')) as { complete: boolean; cursor: object };
    assert.ok(!partial.complete && partial.cursor);
    await succeed(...args);
    const other = join(folder, 'not stopped');
    await succeed(...args.slice(0, -1), other);
    assert.deepEqual(left(out), left(other));
  });

  posix('--slurm writes an array job whose shards and merge equal the sweep in one go', async () => {
    const out = join(folder, 'jobs');
    const jobs = ['--slurm', '--shards', '3', '--dead-below', '0.05'];
    const { stderr } = await succeed('sweep', ...model, ...small, '--out', out, ...jobs);
    assert.match(stderr, /then: bash .*submit\.sh\n$/);
    assert.match(readFileSync(join(out, 'merge.sbatch'), 'utf8'), /'?--dead-below'? '?0\.05'? /);
    const job = readFileSync(join(out, 'sweep.sbatch'), 'utf8');
    assert.match(job, /^#!\/bin\/bash\n(#SBATCH .*\n)+/);
    assert.match(job, /^#SBATCH --array=0-2$/m);
    // sbatch as the shells see it: prints the job's number, runs every task and then the job that depends on it
    const bin = join(tempFolder(), 'sbatch');
    writeFile(
      bin,
      `#!/bin/bash
for file; do :; done
[[ "$*" == *--partition=main* ]] || exit 1
if [[ "$1" == --parsable ]]; then
  for i in 0 1 2; do SLURM_ARRAY_TASK_ID=$i bash "$file" >&2 || exit 1; done
  echo '7;cluster'
else
  [[ "$1 $2" == '--dependency=afterok:7 --kill-on-invalid-dep=yes' ]] || exit 1
  bash "$file"
fi
`,
    );
    chmodSync(bin, 0o755);
    const env = { ...process.env, PATH: `${join(bin, '..')}:${process.env.PATH}` };
    await run('bash', [join(out, 'submit.sh'), '--partition=main'], { env, cwd: tempFolder() });
    assert.deepEqual(left(out), left(whole));
  });

  posix('a shard whose time is nearly over saves itself and goes back to the queue', async () => {
    const out = join(folder, 'late');
    const texts = [corpus, join(SAMPLES, 'workspace'), join(ROOT, 'src/engine/graph')];
    const args = ['--corpus', ...texts, '--context', '64', '--max-tokens', '12000', '--out', out];
    await succeed('sweep', ...model, ...args, '--slurm', '--shards', '1');
    const bin = join(tempFolder(), 'scontrol');
    writeFile(bin, '#!/bin/bash\necho "$@" >&2\n');
    chmodSync(bin, 0o755);
    const job = { SLURM_ARRAY_JOB_ID: '7', SLURM_ARRAY_TASK_ID: '0' };
    const env = { ...process.env, ...job, PATH: `${join(bin, '..')}:${process.env.PATH}` };
    const child = spawn('bash', [join(out, 'sweep.sbatch')], { env, stdio: ['ignore', 'ignore', 'pipe'] });
    let messages = '';
    child.stderr.on('data', (data: Buffer) => {
      messages += data.toString();
      if (messages.includes('a second') && !child.killed) child.kill('SIGUSR1');
    });
    assert.equal(await new Promise((resolve) => child.on('close', resolve)), 143, messages);
    assert.match(messages, /Stopped; run the same command again [^]*\nrequeue 7_0\n$/);
    const { complete } = JSON.parse(readFileSync(join(out, 'shard-0/sweep.json'), 'utf8')) as { complete: boolean };
    assert.equal(complete, false);
    assert.match(readFileSync(join(out, 'submit.sh'), 'utf8'), /--kill-on-invalid-dep=yes/);
  });

  it('--slurm refuses what its shards would, and writes nothing', async () => {
    const out = join(folder, 'refused');
    const slurm = ['--slurm', '--out', out];
    const [path, , sae] = model as [string, string, string];
    await refused(/nowhere does not exist/, 'sweep', join(folder, 'nowhere'), '--mlsae', sae, ...small, ...slurm);
    await refused(/nowhere does not exist/, 'sweep', path, '--mlsae', join(folder, 'nowhere'), ...small, ...slurm);
    await refused(/nothing\.txt matches no file in /, 'sweep', ...model, '--corpus', 'nothing.txt', ...slurm);
    assert.equal(existsSync(out), false);
    const before = readdirSync(whole);
    await refused(/has a sweep already: give another/, 'sweep', ...model, ...small, '--slurm', '--out', whole);
    assert.deepEqual(readdirSync(whole), before);
  });

  it('folders that cannot be written end in one line', async () => {
    const file = join(folder, 'a file');
    writeFile(file, '');
    const shard = join(folder, 'only shard');
    await succeed('sweep', ...model, ...small, '--shard', '0/1', '--out', shard);
    // where Node's recursive mkdir never ends
    const places = process.platform === 'linux' ? [join(file, 'in it'), '/proc/q/r'] : [join(file, 'in it')];
    for (const place of places) {
      const message = /cannot be written: (EEXIST|ENOTDIR|ENOENT|EACCES): /;
      await refused(message, 'sweep', ...model, ...small, '--out', place);
      await refused(message, 'sweep', ...model, ...small, '--out', place, '--slurm');
      await refused(message, 'merge', shard, '--out', place);
    }
  });

  it('mistakes end in one line', async () => {
    const out = ['--out', join(folder, 'no')];
    await refused(/required option '--out <folder>' not specified/, 'sweep', ...model, ...small);
    await refused(/--corpus is missing/, 'sweep', ...model, ...out);
    await refused(/nothing\.txt matches no file in /, 'sweep', ...model, '--corpus', 'nothing.txt', ...out);
    await refused(
      /--shard: expected i\/n with i from 0 to n − 1, found “3\/3”/,
      'sweep',
      ...model,
      ...small,
      ...out,
      '--shard',
      '3/3',
    );
    await refused(/--max-tokens: found 0/, 'sweep', ...model, '--corpus', corpus, '--max-tokens', '0', ...out);
    await refused(
      /context: found 600; neox-6l reads 2 to 512/,
      'sweep',
      ...model,
      '--corpus',
      corpus,
      '--context',
      '600',
      ...out,
    );
    await refused(/--shards needs --slurm/, 'sweep', ...model, ...small, ...out, '--shards', '2');
    await refused(/leave out --shard/, 'sweep', ...model, ...small, ...out, '--slurm', '--shard', '0/2');
    await refused(/--shards: found 0/, 'sweep', ...model, ...small, ...out, '--slurm', '--shards', '0');
    await refused(
      /has a sweep of another maximum of tokens \(300, not 200\)/,
      'sweep',
      ...model,
      '--corpus',
      corpus,
      '--context',
      '64',
      '--max-tokens',
      '200',
      '--out',
      whole,
    );
    await refused(/has a whole sweep, not a shard of one/, 'merge', whole, ...out);
    await refused(/has no sweep: a folder with sweep\.json was expected/, 'merge', corpus, ...out);
    await refused(/either a prompt or --corpus/, 'layers', ...model, ...small, '--prompt', 'a');
  });
});
