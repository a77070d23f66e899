import type { Command } from 'commander';
import { resolve } from 'node:path';
import type { CorpusSummary, SweepParams } from '../../protocol/latents/corpus';
import { InputError } from '../checkpoint/errors';
import { openCheckpoint } from '../checkpoint/open';
import { corpusFiles, resultsOf } from '../mlsae/corpus/files';
import { contextOf } from '../mlsae/corpus/sequences';
import { writeSlurmJobs } from '../mlsae/corpus/slurm';
import { sweep } from '../mlsae/corpus/sweep';
import { openSae } from '../mlsae/open';
import { corpusOf, deadBelowOf, withCorpus } from './corpusOptions';
import type { CorpusOptions } from './corpusOptions';
import { resumable } from './interruptible';
import { layerHead, layerRows, ratioLine } from './layerTable';
import { wholeNumber } from './open';
import { saeCommand, withSae, type SaeOptions } from './openSae';
import { note, printJson, table } from './print';

interface SweepOptions extends SaeOptions, CorpusOptions {
  out: string;
  shard?: string;
  examples?: string;
  slurm?: boolean;
  shards?: string;
}

/** Shards of a Slurm array when nobody says otherwise. */
const SHARDS = 8;

/** `circuitscope sweep`: counts, totals, statistics and examples over a corpus. */
export const sweepCommand = (root: Command): void => {
  const description =
    'run a sparse autoencoder over a corpus: counts and totals [layer, latent], statistics, examples; run it again to go on with one that was stopped';
  const json = '{tokens, documents, perLayer, adjacent, varianceRatios, dead, complete, notices}';
  withCorpus(saeCommand(root, 'sweep', description, json))
    .requiredOption('--out <folder>', 'where the results are kept')
    .option('--shard <i/n>', 'only part i (from 0) of n; see merge')
    .option('--examples <n>', 'places kept for each layer and latent (default: 4)')
    .option('--slurm', 'do not run it: write a Slurm array job of shards and their merge to --out')
    .option('--shards <n>', `shards of the Slurm array (default: ${SHARDS})`)
    .action(run);
};

async function run(path: string, options: SweepOptions): Promise<void> {
  const params = paramsOf(options);
  if (options.slurm) return writeSlurm(path, options);
  if (options.shards !== undefined) throw new InputError('--shards needs --slurm');
  await resumable(options.out, (steps) =>
    withSae(path, options.mlsae, options, async (open) => {
      const summary = await sweep(open, params, steps).finally(() => steps.done());
      printSummary(summary, options);
    }),
  );
}

function paramsOf(options: SweepOptions): Omit<SweepParams, 'saeId'> {
  const examples = wholeNumber('--examples', options.examples);
  return {
    corpus: corpusOf(options),
    ...deadBelowOf(options),
    out: resolve(options.out),
    ...(options.shard !== undefined && { shard: shardOf(options.shard) }),
    ...(examples !== undefined && { examples }),
  };
}

function shardOf(text: string): { index: number; count: number } {
  const [, index, count] = /^(\d{1,9})\/(\d{1,9})$/.exec(text) ?? [];
  if (index === undefined || Number(index) >= Number(count))
    throw new InputError(`--shard: expected i/n with i from 0 to n − 1, found “${text}”`);
  return { index: Number(index), count: Number(count) };
}

/** What every shard would refuse, without loading a weight. @throws InputError */
async function checkOpens(path: string, options: SweepOptions): Promise<void> {
  const layer = wholeNumber('--layer', options.layer);
  const { tunedLens } = options;
  const checkpoint = await openCheckpoint(path);
  await openSae(options.mlsae, checkpoint, {
    ...(tunedLens !== undefined && { tunedLens }),
    ...(layer !== undefined && { layer }),
  });
  const corpus = corpusOf(options);
  contextOf(corpus, checkpoint);
  await corpusFiles(corpus, resultsOf(options.out, false));
}

/** The command line of every shard: this one, with absolute paths. */
async function writeSlurm(path: string, options: SweepOptions): Promise<void> {
  if (options.shard !== undefined) throw new InputError('--slurm makes the shards itself: leave out --shard');
  await checkOpens(path, options);
  const given = (name: string, value: string | undefined): string[] => (value === undefined ? [] : [name, value]);
  const self = [process.execPath, resolve(process.argv[1]!)];
  const submit = await writeSlurmJobs({
    sweep: [
      ...[...self, 'sweep', resolve(path), '--mlsae', resolve(options.mlsae)],
      ...given('--tuned-lens', options.tunedLens && resolve(options.tunedLens)),
      ...given('--layer', options.layer),
      ...given('--provider', options.provider),
      ...['--corpus', ...options.corpus!],
      ...given('--field', options.field),
      ...given('--max-tokens', options.maxTokens),
      ...given('--context', options.context),
      ...given('--examples', options.examples),
    ],
    merge: [...self, 'merge', ...given('--dead-below', options.deadBelow)],
    shards: wholeNumber('--shards', options.shards) ?? SHARDS,
    folder: process.cwd(),
    out: resolve(options.out),
  });
  note(
    `Written. Add what your cluster wants to ${submit.replace(/submit\.sh$/, 'sweep.sbatch')}, then: bash ${submit}`,
  );
}

/** Prints totals over a corpus. */
export function printSummary(summary: CorpusSummary, { json }: { json?: boolean }): void {
  const { tokens, documents, layers, nLatents, perLayer, adjacent, varianceRatios, dead, examples, complete, dir } =
    summary;
  const { notices } = summary;
  notices.forEach(note);
  const similarity = { plain: Array.from(adjacent.plain), centred: Array.from(adjacent.centred) };
  if (json) {
    printJson({
      ...{ dir, tokens, documents, layers, nLatents, perLayer, adjacent: similarity, varianceRatios, dead },
      ...{ examples, complete, notices },
    });
    return;
  }
  const lines = [
    table([layerHead, ...layerRows(perLayer, adjacent)], [0, 1, 2, 3, 4, 5, 6]),
    `${tokens} tokens of ${documents} texts, ${dead.count} of ${nLatents} latents dead`,
    ratioLine(varianceRatios),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}
