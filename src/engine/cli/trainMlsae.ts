import type { Command } from 'commander';
import { resolve } from 'node:path';
import type { MlsaePoint, TrainMlsaeParams, TrainingSummary } from '../../protocol/training';
import { trainedLayers } from '../../protocol/trainingTable';
import { InputError } from '../checkpoint/errors';
import { duration } from '../mlsae/corpus/progress';
import { trainMlsae } from '../train/mlsae/train';
import { storedTraining } from '../train/store';
import { corpusOf, withCorpusLimits, type CorpusOptions } from './corpusOptions';
import { resumable } from './interruptible';
import { checkpointCommand, tokenIds, wholeNumber, withModel, type CheckpointOptions } from './open';
import { note, printJson, table } from './print';

interface TrainOptions extends CheckpointOptions, CorpusOptions {
  out: string;
  steps: string;
  expansionFactor?: string;
  k?: string;
  lr?: string;
  batch?: string;
  auxk?: string;
  layers?: string;
  deadTokens?: string;
  saveEvery?: string;
  seed?: string;
  threads?: string;
  resume?: boolean;
}

/** `circuitscope train-mlsae`: trains a multi-layer sparse autoencoder on a model's residual stream. */
export const trainMlsaeCommand = (root: Command): void => {
  const description =
    'train a multi-layer sparse autoencoder on the residual stream; run it again to go on with one that was stopped';
  const json = '{dir, step, totalSteps, tokens, seconds, complete, last: {loss, fvu, l0, deadFraction, …}, notices}';
  withCorpusLimits(
    checkpointCommand(root, 'train-mlsae', description, json)
      .requiredOption(
        '--corpus <globs...>',
        'texts: globs, files or folders; .jsonl, .jsonl.zst, .parquet, others are text',
      )
      .requiredOption('--out <folder>', 'where the autoencoder and its training are kept')
      .requiredOption('--steps <n>', 'steps; the rate falls over the last quarter of them')
      .option('--expansion-factor <n>', 'latents ÷ width of the model (default: 16)')
      .option('-k, --k <n>', 'active latents of a token at a layer (default: 32)')
      .option('--lr <rate>', 'largest rate of Adam (default: 1e-4)')
      .option('--batch <tokens>', 'tokens of a step, each read at every layer (default: 2048)')
      .option('--auxk <n>', 'dead latents that model the error; 0: none (default: 256)')
      .option('--dead-tokens <n>', 'tokens without activation after which a latent is dead (default: 10000000)')
      .option('--layers <list>', 'layers whose residual stream is read, such as 0,1,2 (default: all)')
      .option('--save-every <n>', 'steps between two saves (default: 500)')
      .option('--seed <n>', 'of the initial encoder and of the order of texts (default: 0)')
      .option('--threads <n>', 'that a step runs on (default: all cores; on a busy machine fewer are faster)')
      .option('--resume', 'only go on with a training that is there'),
  ).action(run);
};

async function run(path: string, options: TrainOptions): Promise<void> {
  const params = paramsOf(options);
  if (options.resume && !(await storedTraining(params.out)))
    throw new InputError(`--resume: ${params.out} has no training to go on with`);
  await resumable(options.out, (steps) =>
    withModel(path, options, async (model) => {
      const summary = await trainMlsae(model, params, steps).finally(() => steps.done());
      printSummary(summary, layersOf(params, model.checkpoint.description.nLayers), options);
    }),
  );
}

function paramsOf(options: TrainOptions): Omit<TrainMlsaeParams, 'checkpointId'> {
  const whole: Partial<Record<keyof TrainMlsaeParams, number | undefined>> = {
    k: wholeNumber('--k', options.k),
    batchTokens: wholeNumber('--batch', options.batch),
    auxk: wholeNumber('--auxk', options.auxk),
    deadTokens: wholeNumber('--dead-tokens', options.deadTokens),
    saveEvery: wholeNumber('--save-every', options.saveEvery),
    seed: wholeNumber('--seed', options.seed),
    threads: wholeNumber('--threads', options.threads),
    expansionFactor: decimal('--expansion-factor', options.expansionFactor),
    lr: decimal('--lr', options.lr),
  };
  return {
    corpus: corpusOf(options),
    out: resolve(options.out),
    steps: wholeNumber('--steps', options.steps)!,
    ...Object.fromEntries(Object.entries(whole).filter(([, value]) => value !== undefined)),
    ...(options.layers !== undefined && { layers: tokenIds(options.layers, '--layers') }),
  };
}

const layersOf = (params: Omit<TrainMlsaeParams, 'checkpointId'>, nLayers: number): number[] =>
  trainedLayers(params) ?? Array.from({ length: nLayers }, (_, layer) => layer);

function decimal(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = text.trim() === '' ? NaN : Number(text);
  if (Number.isFinite(value)) return value;
  throw new InputError(`${option}: expected a number, found “${text}”`);
}

/** @param layers those of the points */
function printSummary(summary: TrainingSummary, layers: number[], { json }: { json?: boolean }): void {
  summary.notices.forEach(note);
  if (json) return printJson(summary);
  const { last, dir, tokens, seconds, step } = summary;
  const { fvu, l0, deadFraction } = last as MlsaePoint;
  const rows = fvu.map((value, l) => [String(layers[l]), value.toFixed(4)]);
  const lines = [
    table([['layer', 'FVU'], ...rows], [0, 1]),
    `${step} steps, ${tokens} tokens, ${duration(seconds)}; L0 ${l0.toFixed(1)}, ${(100 * deadFraction).toFixed(2)} % dead`,
    dir,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}
