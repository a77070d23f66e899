/** Trains a toy transformer, or goes on where the folder's training stopped. */
import * as l10n from '@vscode/l10n';
import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import type { ToyPoint, TrainToyParams, TrainingSummary } from '../../../protocol/training';
import { InputError } from '../../checkpoint/errors';
import { corpusFiles, resultsOf, type CorpusFile } from '../../mlsae/corpus/files';
import type { Steps } from '../../runtime/types';
import { storedTraining, type Identity } from '../store';
import { train } from '../trainer';
import { ToyJob, type ToySettings, type ToyText } from './job';
import { toySizes } from './model';
import { stagesIdentity, stagesOf } from './stages';
import { toyTokens } from './tokens';
import { storedTokenizer, trainedTokenizer } from './toyTokenizer';

/** Of the machine that has most. More than a process can have would let the first step hang. */
const MOST: Partial<Record<string, number>> = { threads: 1024 };
const DEFAULTS = { batch: 16, lr: 2e-3, saveEvery: 500, measureEvery: 50, seed: 0 };

/** @throws InputError for parameters that make no sense, and a corpus that is too small */
export async function trainToy(params: TrainToyParams, steps: Steps): Promise<TrainingSummary> {
  const settings = settingsOf(params);
  const out = resolve(params.corpus.folder, params.out);
  const files = await corpusFiles(params.corpus, resultsOf(out, false));
  const read = (own: Steps): Promise<ToyText> => readText(params, out, files, settings, own);
  const job = new ToyJob({ ...params, out }, identityOf(params, settings, files), settings, read);
  try {
    return await train<ToyPoint>(job, steps);
  } finally {
    await job.dispose();
  }
}

function settingsOf(params: TrainToyParams): ToySettings {
  const given = {
    ...DEFAULTS,
    ...Object.fromEntries(Object.entries(params).filter(([, value]) => value !== undefined)),
  };
  const { batch, lr, saveEvery, measureEvery, seed } = given;
  const { steps, snippet, threads } = params;
  for (const [name, value] of Object.entries({ steps, batch, saveEvery, measureEvery, threads: threads ?? 1 })) {
    if (!Number.isInteger(value) || value < 1)
      throw new InputError(l10n.t('{0} is {1}, a whole number from 1 was expected.', name, String(value)));
    const most = MOST[name] ?? Infinity;
    if (value > most)
      throw new InputError(l10n.t('{0} is {1}, a whole number from {2} to {3} was expected.', name, value, 1, most));
  }
  if (!Number.isInteger(seed) || seed < 0)
    throw new InputError(l10n.t('seed is {0}, a whole number from 0 was expected.', String(seed)));
  if (!(lr > 0 && lr < 1))
    throw new InputError(l10n.t('lr is {0}, a number between 0 and 1 was expected.', String(lr)));
  const sizes = toySizes(params);
  const stages = stagesOf(params, sizes.context);
  return { sizes, steps, batch, lr, stages, saveEvery, measureEvery, seed, snippet, threads };
}

/** All that the weights depend on. */
function identityOf({ corpus }: TrainToyParams, settings: ToySettings, files: CorpusFile[]): Identity {
  const { sizes, steps, batch, lr, stages, seed } = settings;
  const { layers, dModel, nHeads, dHead, vocab, context } = sizes;
  const names = createHash('sha256');
  for (const { name, bytes } of files) names.update(`${name}\n${bytes}\n`);
  return {
    layers,
    'width (dModel)': dModel,
    'number of heads': nHeads,
    'size of heads': dHead,
    vocabulary: vocab,
    context,
    'number of steps': steps,
    'batch size': batch,
    rate: lr,
    ...stagesIdentity(stages),
    seed,
    'number of files': files.length,
    'size of the corpus': files.reduce((sum, { bytes }) => sum + bytes, 0),
    corpus: names.digest('hex').slice(0, 16),
    field: corpus.field ?? 'text',
    'maximum of tokens': corpus.maxTokens ?? null,
  };
}

/** The tokenizer of the folder where training goes on; else one is learnt. */
async function readText(
  { corpus }: TrainToyParams,
  out: string,
  files: CorpusFile[],
  { sizes }: ToySettings,
  steps: Steps,
): Promise<ToyText> {
  const goesOn = typeof (await storedTraining(out))?.state === 'string';
  const tokenizer = goesOn
    ? await storedTokenizer(out, sizes.context)
    : await trainedTokenizer(corpus, files, sizes, steps);
  const tokens = await toyTokens(corpus, files, { ...tokenizer, length: sizes.context }, steps);
  return { tokenizer, tokens };
}
