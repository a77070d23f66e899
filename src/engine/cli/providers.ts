import type { Command } from 'commander';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { env } from 'onnxruntime-node';
import { InputError } from '../checkpoint/errors';
import { openCheckpoint } from '../checkpoint/open';
import { openSae } from '../mlsae/open';
import { checkProvider, passes, type Check, type CheckedPart } from '../providerCheck';
import { firstLine } from '../runtime/firstLine';
import {
  chooseProvider,
  isWrong,
  knownProviders,
  missingHere,
  slowness,
  triedProvider,
  wrongness,
} from '../runtime/providers';
import { note, printJson, table } from './print';

interface ProvidersOptions {
  json?: boolean;
  mlsae?: string;
  provider?: string;
}

interface Report {
  name: string;
  starts: boolean;
  /** Why it does not start, or what is to be known about one that does. */
  why?: string;
  device?: string;
  /** Whether its numbers are the CPU's; absent where it does not start, and for the CPU itself. */
  right?: boolean;
  check?: Check;
}

/** A provider that is this slow on the small models of the check does not end. */
const LIMIT_MS = 10 * 60_000;

/** `circuitscope providers`: what there is, whether it starts, and whether its numbers are right. */
export const providersCommand = (root: Command): void => {
  root
    .command('providers')
    .description('list the execution providers: which start, on what, and how far their numbers are from the CPU’s')
    .argument('[checkpoint]', 'model that they are checked with (default: a sample)')
    .option('--mlsae <path>', 'a sparse autoencoder of that model')
    .option('--provider <name>', 'this one only')
    .option(
      '--json',
      'print one JSON object to stdout: {onnxruntime, platform, chosen, providers: [{name, starts, check, …}]}',
    )
    .addHelpText('after', '\nExit status: 1 when one that starts gives wrong numbers.')
    .action(run);
  root
    .command(CHECK, { hidden: true })
    .argument('<provider>')
    .argument('<checkpoint>')
    .argument('[sae]')
    .action(async (...[provider, path, sae]: [string, string, string?]) =>
      printJson(await checkProvider(provider, path, sae)),
    );
};

/** In a process of its own, as a driver may crash. */
const CHECK = 'check-provider';

async function run(path: string | undefined, { json, mlsae, provider }: ProvidersOptions): Promise<void> {
  const model = await modelToCheck(path, mlsae);
  const names = knownProviders();
  if (provider !== undefined && !names.includes(provider))
    throw new InputError(`--provider: expected one of ${names.join(', ')}, found “${provider}”`);
  const reports: Report[] = [];
  for (const name of provider === undefined ? names : [provider]) reports.push(await report(name, model));
  const { provider: chosen, notes } = await chooseProvider([], () => undefined);
  const facts = {
    onnxruntime: env.versions.node ?? env.versions.common,
    platform: `${process.platform} ${process.arch}`,
    model: model.path,
    ...(model.sae !== undefined && { sae: model.sae }),
    chosen,
    notes,
    providers: reports,
  };
  if (json) printJson(facts);
  else process.stdout.write(asText(facts));
  if (reports.some(({ right }) => right === false)) process.exitCode = 1;
}

interface ModelToCheck {
  path: string;
  sae: string | undefined;
}

/** The samples lie beside the bundle's folder. */
async function modelToCheck(path: string | undefined, sae: string | undefined): Promise<ModelToCheck> {
  if (path === undefined && sae !== undefined) throw new InputError('--mlsae needs a checkpoint');
  const samples = join(__dirname, '../samples');
  const model = path === undefined ? sample(samples) : { path, sae };
  // mistakes are said here, not by every provider's process
  const checkpoint = await openCheckpoint(model.path);
  if (model.sae !== undefined) await openSae(model.sae, checkpoint);
  return model;
}

function sample(folder: string): ModelToCheck {
  const model = { path: join(folder, 'neox-6l'), sae: join(folder, 'mlsae-neox-6l-x16-k16') };
  if (!existsSync(model.path)) throw new InputError(`there are no samples in ${folder}; give a checkpoint`);
  return model;
}

async function report(name: string, model: ModelToCheck): Promise<Report> {
  if (name === 'cpu') return { name, starts: true, why: 'the others are measured by it', ...named(cpus()[0]?.model) };
  const tried = await triedProvider(name, true);
  const device = named(tried.device);
  if (!tried.started) return { name, starts: false, why: missingHere(name) ?? tried.why, ...device };
  const known = { name, starts: true, ...device };
  if (isWrong(tried)) return { ...known, right: false, why: wrongness(tried) };
  const slow = tried.ms > tried.cpuMs ? { why: slowness(tried) } : {};
  try {
    const check = await checkInProcess(name, model);
    return { ...known, ...slow, right: passes(check), check };
  } catch (error) {
    return { ...known, right: false, why: `the check ended: ${firstLine(error)}` };
  }
}

const named = (device: string | undefined): { device?: string } =>
  device === undefined ? {} : { device: device.trim() };

/** `check-provider` of this command line. */
const checkInProcess = (provider: string, { path, sae }: ModelToCheck): Promise<Check> =>
  new Promise((resolve, reject) => {
    const args = [__filename, CHECK, provider, path, ...(sae === undefined ? [] : [sae])];
    const options = { timeout: LIMIT_MS, killSignal: 'SIGKILL' as const, maxBuffer: 2 ** 26 };
    execFile(process.execPath, args, options, (error, stdout, stderr) => {
      if (!error) return resolve(JSON.parse(stdout) as Check);
      const said = stderr.split('\n').find((line) => line.startsWith('circuitscope: '));
      const ended = error.killed
        ? `no answer within ${LIMIT_MS / 60_000} minutes`
        : (error.signal ?? `exit code ${error.code}`);
      reject(new Error(said?.replace(/^circuitscope: (internal error: )?/, '') ?? ended));
    });
  });

function asText(facts: {
  onnxruntime: string | undefined;
  platform: string;
  model: string;
  chosen: string;
  providers: Report[];
}): string {
  const rows = facts.providers.map(({ name, starts, right, device = '', why = '' }) => [
    name,
    starts ? (right === undefined ? 'starts' : right ? 'right' : 'WRONG') : 'does not start',
    device,
    why,
  ]);
  const checked = facts.providers.flatMap(({ name, check }) => check?.parts.map((part) => partRow(name, part)) ?? []);
  const heads = ['provider', 'check', 'largest difference', 'bar', 'in', 'ms', 'CPU ms', '÷ CPU'];
  facts.providers.flatMap(({ check }) => check?.skipped ?? []).forEach(note);
  return [
    `ONNX Runtime ${facts.onnxruntime} on ${facts.platform}`,
    table(rows, []),
    ...(checked.length > 0 ? ['', `Checked with ${facts.model}:`, table([heads, ...checked], [2, 3, 5, 6, 7])] : []),
    `\nWithout a setting ${facts.chosen} is used.\n`,
  ].join('\n');
}

const partRow = (name: string, { what, difference, bar, worst, ms, cpuMs }: CheckedPart): string[] => [
  name,
  what,
  difference === null ? 'not finite' : difference.toExponential(1),
  bar.toExponential(0),
  worst,
  ms.toFixed(0),
  cpuMs.toFixed(0),
  (ms / cpuMs).toFixed(2),
];
