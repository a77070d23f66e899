// `npm run test:slurm`: a sweep as a Slurm array on this machine, by a real Slurm that is started for it and ended after.
// Needs root and Debian's packages: apt-get install slurm-wlm munge.
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { availableParallelism, hostname, tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { exitOnSignals, main, root, say, SetupError } from './common.mjs';
import { ensureBuild, ensureDependencies } from './setup.mjs';

const SHARDS = 4;
const LIMIT_MS = 300_000;

const daemonsRunning = [];
process.on('exit', () => daemonsRunning.forEach((child) => child.kill('SIGTERM')));

const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

/** Runs a command; fails with what it printed. */
function output(command, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', ...options });
  if (status !== 0) throw new SetupError(`${command} ${args.join(' ')} failed: ${error ?? stderr ?? stdout}`);
  return stdout;
}

async function until(what, test) {
  const end = Date.now() + LIMIT_MS;
  while (!test()) {
    if (Date.now() > end) throw new SetupError(`${what} did not happen in ${LIMIT_MS / 1000} s.`);
    await sleep(250);
  }
}

/** Starts munge, the controller and one node. @returns the environment that Slurm's commands want */
async function startSlurm(folder) {
  const at = (name) => path.join(folder, name);
  for (const name of ['munge', 'state', 'spool']) mkdirSync(at(name), { mode: 0o755 });
  writeFileSync(at('munge/key'), randomBytes(1024), { mode: 0o600 });
  const [controller, node] = [await freePort(), await freePort()];
  const name = hostname().split('.')[0];
  writeFileSync(
    at('slurm.conf'),
    `ClusterName=circuitscope
SlurmctldHost=${name}(127.0.0.1)
SlurmUser=root
SlurmctldPort=${controller}
SlurmdPort=${node}
AuthType=auth/munge
AuthInfo=socket=${at('munge/socket')}
StateSaveLocation=${at('state')}
SlurmdSpoolDir=${at('spool')}
SlurmctldPidFile=${at('slurmctld.pid')}
SlurmdPidFile=${at('slurmd.pid')}
SlurmctldLogFile=${at('slurmctld.log')}
SlurmdLogFile=${at('slurmd.log')}
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobRequeue=1
NodeName=${name} NodeAddr=127.0.0.1 CPUs=${availableParallelism()} State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
`,
  );
  const env = { ...process.env, SLURM_CONF: at('slurm.conf') };
  const daemons = [
    ['munged', ['-F', '-f', '--key-file', at('munge/key'), '-S', at('munge/socket'), '--pid-file', at('munge/pid'), '--log-file', at('munge/log'), '--seed-file', at('munge/seed')]], // prettier-ignore
    ['slurmctld', ['-D', '-c']],
    ['slurmd', ['-D', '-c', '-N', name]],
  ];
  for (const [command, args] of daemons) {
    const child = spawn(command, args, { env, stdio: 'ignore' });
    child.on('error', () => say(`${command} is missing: apt-get install slurm-wlm munge`));
    daemonsRunning.push(child);
    // the others do not begin without it
    if (command === 'munged') await until('munge', () => existsSync(at('munge/socket')));
  }
  const state = () => spawnSync('sinfo', ['-h', '-o', '%T'], { env, encoding: 'utf8' }).stdout?.trim();
  await until('an idle node', () => state() === 'idle');
  return env;
}

const cli = path.join(root, 'dist', 'cli.js');
const sample = (name) => path.join(root, 'samples', name);
const sweep = (...args) => [
  cli,
  'sweep',
  sample('neox-6l'),
  ...['--mlsae', sample('mlsae-neox-6l-x16-k16'), '--provider', 'cpu'],
  ...['--corpus', 'src/engine/**/*.ts', '--max-tokens', '12000', ...args],
];

/** The shards' jobs, two of them back in the queue while they run (one by itself), and the merge. */
async function sweepWithSlurm(folder, env) {
  const out = path.join(folder, 'a sweep');
  output(process.execPath, sweep('--out', out, '--slurm', '--shards', String(SHARDS)), { cwd: root });
  const [, merge] = output('bash', [path.join(out, 'submit.sh')], { env }).match(/Submitted batch job (\d+)/);
  const array = Number(merge) - 1;
  const states = (job) =>
    spawnSync('squeue', ['-h', '-r', '-j', String(job), '-o', '%T'], { env, encoding: 'utf8' }).stdout;
  const log = () => {
    try {
      return readFileSync(path.join(out, 'sweep-1.log'), 'utf8');
    } catch {
      return '';
    }
  };
  await until('shard 1', () => states(`${array}_1`).includes('RUNNING'));
  await sleep(2500);
  // as Slurm does a minute before a job's time is over
  output('scancel', ['--batch', '--signal=USR1', `${array}_2`], { env });
  await until('shard 2 in the queue', () => states(`${array}_2`).includes('PENDING'));
  // the node refuses a job that comes back in the same second
  output('scontrol', ['update', `JobId=${array}_2`, 'StartTime=now+5'], { env });
  say(`job ${array}: shard 2, whose time was nearly over, went back to the queue`);
  output('scontrol', ['requeue', `${array}_1`], { env });
  await until('shard 1 in the queue', () => states(`${array}_1`).includes('PENDING'));
  // Slurm would wait for two minutes
  output('scontrol', ['update', `JobId=${array}_1`, 'StartTime=now'], { env });
  say(`job ${array}: shard 1 was sent back to the queue`);
  const state = () =>
    /JobState=(\w+)/.exec(spawnSync('scontrol', ['show', 'job', merge], { env, encoding: 'utf8' }).stdout)?.[1];
  await until('the merge', () => ['COMPLETED', 'FAILED', 'CANCELLED'].includes(state()));
  say(log().trim());
  if (state() !== 'COMPLETED')
    throw new SetupError(`the merge ended as ${state()}: ${readFileSync(path.join(out, 'merge.log'), 'utf8')}`);
  return out;
}

exitOnSignals();
await main(async () => {
  if (process.getuid?.() !== 0) throw new SetupError('Slurm is started by root here.');
  ensureDependencies();
  ensureBuild();
  const folder = mkdtempSync(path.join(tmpdir(), 'circuitscope-slurm-'));
  process.on('exit', () => process.env.CIRCUITSCOPE_KEEP || rmSync(folder, { recursive: true, force: true }));
  const env = await startSlurm(folder);
  const out = await sweepWithSlurm(folder, env);
  const whole = path.join(folder, 'whole');
  output(process.execPath, sweep('--out', whole), { cwd: root });
  for (const name of ['sweep.json', 'sweep.safetensors', 'sweep.files.txt'])
    if (!readFileSync(path.join(out, name)).equals(readFileSync(path.join(whole, name))))
      throw new SetupError(`${name} of ${SHARDS} merged shards is not that of the sweep in one go.`);
  say(
    `${output('sbatch', ['--version'], { env }).trim()}: ${SHARDS} shards and their merge equal the sweep in one go bit for bit.`,
  );
});
// the daemons end with this process
process.exit();
