import type { Command } from 'commander';
import { readFile } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { checkResult, checkSummary, sectionTitle, type ResultCheck } from '../../protocol/resultCheck';
import { readResult } from '../../protocol/readResult';
import type { FileIdentity, ResultFile } from '../../protocol/resultFile';
import { InputError, systemReason } from '../checkpoint/errors';
import { statFile } from '../checkpoint/regularFile';
import { engineParts } from '../parts';
import { createService, type EngineHandlers } from '../service';
import { noSteps } from './open';
import { note, printJson, table, visible } from './print';

interface ResultOptions {
  check?: boolean;
  json?: boolean;
  checkpoint?: string;
  mlsae?: string;
  other?: string;
  otherMlsae?: string;
  tolerance?: string;
  provider?: string;
}

/** `circuitscope result FILE`: what was saved; with `--check` measured anew. */
export const resultCommand = (root: Command): void => {
  root
    .command('result')
    .description(
      'show a saved result (.circuitscope.json); with --check measure its numbers anew (exit 1: some differ)',
    )
    .argument('<file>', 'a .circuitscope.json')
    .option('--check', 'run it again and say what differs')
    .option('--checkpoint <path>', 'the checkpoint, where it does not lie where the file says')
    .option('--mlsae <folder>', 'the same for the sparse autoencoder')
    .option('--other <path>', 'the same for the second checkpoint of a comparison')
    .option('--other-mlsae <folder>', 'the same for the autoencoder of the second checkpoint')
    .option('--tolerance <t>', 'of a section’s largest number, or of 1 (default: 0.001)')
    .option(
      '--json',
      'print JSON to stdout: the result; with --check {same, changes, rows: [{section, name, saved, now}]}',
    )
    .option('--provider <name>', 'execution provider, e.g. cpu or cuda (default: the first that starts)')
    .action(result);
};

async function result(file: string, options: ResultOptions): Promise<void> {
  const tolerance = toleranceOf(options.tolerance);
  const saved = await readFileOf(file);
  if (!options.check) return print(saved, options);
  const check = await measureAnew(saved, dirname(resolve(file)), options, tolerance);
  if (!check.same) process.exitCode = 1;
  if (options.json) return printJson(check);
  check.changes.forEach(note);
  const rows = check.rows
    .filter(({ differs }) => differs)
    .map(({ section, name, saved: before, now }) => [
      sectionTitle(section) ?? visible(section),
      visible(name),
      `${before}`,
      now === undefined ? 'not found' : now.toFixed(4),
    ]);
  if (rows.length > 0) process.stdout.write(`${table([['', '', 'saved', 'now'], ...rows], [2, 3])}\n`);
  process.stdout.write(`${checkSummary(check)}\n`);
}

function toleranceOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!(value >= 0 && value < Infinity) || text.trim() === '')
    throw new InputError(`--tolerance: expected a number such as 0.001, found “${text}”`);
  return value;
}

/** Larger is no result. */
const MOST_BYTES = 64 << 20;

async function readFileOf(file: string): Promise<ResultFile> {
  const text = await statFile(file, 'a .circuitscope.json')
    .then(({ size }) => {
      if (size > MOST_BYTES) throw new InputError(`${file} has ${size} bytes, at most ${MOST_BYTES} were expected.`);
      return readFile(file, 'utf8');
    })
    .catch((cause: unknown) => {
      throw cause instanceof InputError ? cause : new InputError(`${file} cannot be read: ${systemReason(cause)}.`);
    });
  const read = readResult(text, basename(file));
  if ('error' in read) throw new InputError(read.error);
  return read.result;
}

function print(saved: ResultFile, { json }: ResultOptions): void {
  if (json) return printJson(saved);
  const { checkpoint, sae, other, otherSae, source, ids, view, created, circuitscope, numbers, patterns, tokens } =
    saved;
  const facts: [string, string][] = [
    [patterns ? 'read from' : 'checkpoint', `${checkpoint.name} (${checkpoint.path})`],
    ...(sae ? [['autoencoder', `${sae.name} (${sae.path})`] as [string, string]] : []),
    ...(other ? [['compared with', `${other.name} (${other.path})`] as [string, string]] : []),
    ...(otherSae ? [['its autoencoder', `${otherSae.name} (${otherSae.path})`] as [string, string]] : []),
    ...(ids.length > 0 ? [['text', `${source}, ${ids.length} tokens`] as [string, string]] : []),
    ...(patterns ? [['patterns', `${patterns.length} heads, ${tokens.length} tokens`] as [string, string]] : []),
    ['panel', view.section ? `${view.panel}: ${view.section}` : view.panel],
    ['saved', `${created}, Circuitscope ${circuitscope}`],
  ];
  process.stdout.write(
    `${table(
      facts.map((row) => row.map((text) => visible(text).replaceAll('·', ' '))),
      [],
    )}\n`,
  );
  for (const [section, values] of Object.entries(numbers)) {
    const rows = Object.entries(values).map(([name, value]) => [visible(name).replaceAll('·', ' '), `${value}`]);
    process.stdout.write(`\n${sectionTitle(section) ?? visible(section)}\n`);
    if (rows.length > 0) process.stdout.write(`${table(rows, [1])}\n`);
  }
}

async function measureAnew(
  saved: ResultFile,
  folder: string,
  { checkpoint: elsewhere, mlsae, other, otherMlsae, provider }: ResultOptions,
  tolerance: number | undefined,
): Promise<ResultCheck> {
  if (saved.patterns)
    throw new InputError(
      `these patterns were read from ${saved.checkpoint.name}: there is no checkpoint to run them again`,
    );
  const service = createService(engineParts(({ level, message }) => level !== 'info' && note(message)));
  const context = { steps: noSteps };
  const providers = provider === undefined ? [] : [provider];
  const open = async ({ path }: FileIdentity, instead?: string): Promise<string> => {
    const at = instead === undefined ? resolve(folder, path) : resolve(instead);
    return (await service.openCheckpoint({ path: at, providers }, context)).id;
  };
  const checkpointId = await open(saved.checkpoint, elsewhere);
  let otherId: string | undefined;
  try {
    otherId = saved.other && (await open(saved.other, other));
    const sae = saved.sae && (await openSae(service, checkpointId, saved.sae, folder, mlsae));
    const otherSae =
      otherId !== undefined && saved.otherSae
        ? await openSae(service, otherId, saved.otherSae, folder, otherMlsae)
        : undefined;
    const { ids, text, view, numbers } = saved;
    const params = { checkpointId, ids, view, wide: true, scores: numbers.headScores !== undefined };
    const now = await service.measureResult(
      {
        ...params,
        ...(text !== undefined && { text }),
        ...(sae && { saeId: sae }),
        ...(otherId !== undefined && { otherId }),
        ...(otherSae !== undefined && { otherSaeId: otherSae }),
      },
      context,
    );
    now.notices.forEach(note);
    return checkResult(saved, now, tolerance);
  } finally {
    if (otherId !== undefined) await service.closeCheckpoint({ checkpointId: otherId }, context);
    await service.closeCheckpoint({ checkpointId }, context);
  }
}

async function openSae(
  service: EngineHandlers,
  checkpointId: string,
  { path, layer, tunedLens }: FileIdentity,
  folder: string,
  other: string | undefined,
): Promise<string> {
  const { id } = await service.openSae(
    {
      checkpointId,
      path: other === undefined ? resolve(folder, path) : resolve(other),
      ...(layer !== undefined && { layer }),
      ...(tunedLens !== undefined && { tunedLens: resolve(folder, tunedLens) }),
    },
    { steps: noSteps },
  );
  return id;
}
