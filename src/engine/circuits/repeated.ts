/** Sequences BOS + R + R, on which the behaviour of heads is scored. */
import * as l10n from '@vscode/l10n';
import type { HeadScoresParams } from '../../protocol/circuits';
import type { Checkpoint } from '../checkpoint/checkpoint';
import { InputError } from '../checkpoint/errors';
import { checkIds } from '../prompt';
import { wholeNumber } from './params';
import { seededUniform } from './random';

const DEFAULTS = { length: 50, batch: 4, seed: 0 };
const MAX_BATCH = 1000;

export interface RepeatedSequences {
  /** Each BOS + R + R, or R + R where the checkpoint has no BOS. */
  sequences: number[][];
  /** Tokens of R. */
  length: number;
  /** Where the first R begins: 1 with a BOS, 0 without. */
  start: number;
  seed: number;
  notices: string[];
}

/** @throws InputError for lengths that do not fit and ids that are no BOS + R + R */
export function repeatedSequences(
  checkpoint: Checkpoint,
  params: Pick<HeadScoresParams, 'length' | 'batch' | 'seed' | 'ids'>,
): RepeatedSequences {
  return params.ids ? givenSequence(checkpoint, params.ids) : randomSequences(checkpoint, params);
}

function givenSequence(checkpoint: Checkpoint, ids: number[]): RepeatedSequences {
  const { nCtx } = checkpoint.description;
  checkIds(checkpoint, ids);
  if (ids.length > nCtx)
    throw new InputError(l10n.t('ids: {0} tokens were given, at most {1} (the context) fit.', ids.length, nCtx));
  const start = ids.length % 2;
  const length = (ids.length - start) / 2;
  const repeats = length > 0 && ids.slice(start + length).every((id, i) => id === ids[start + i]);
  if (!repeats) throw new InputError(l10n.t('ids: expected BOS + R + R (or R + R), the same tokens R twice in a row.'));
  const notices =
    start === 0 ? [l10n.t('The given sequence has an even number of tokens: it is read as R + R, without BOS.')] : [];
  return { sequences: [ids], length, start, seed: DEFAULTS.seed, notices };
}

function randomSequences(
  checkpoint: Checkpoint,
  params: Pick<HeadScoresParams, 'length' | 'batch' | 'seed'>,
): RepeatedSequences {
  const { bosId, specialIds, name, description } = checkpoint;
  const { nCtx, dVocab } = description;
  const start = bosId === undefined ? 0 : 1;
  const longest = Math.floor((nCtx - start) / 2);
  const length = wholeNumber('length', params.length ?? Math.min(DEFAULTS.length, longest), longest);
  const batch = wholeNumber('batch', params.batch ?? DEFAULTS.batch, MAX_BATCH);
  const seed = params.seed ?? DEFAULTS.seed;
  const ordinary = Array.from({ length: dVocab }, (_, id) => id).filter((id) => !specialIds?.has(id));
  if (ordinary.length === 0) throw new InputError(l10n.t('{0} has only special tokens: give ids instead.', name));
  const uniform = seededUniform(seed);
  const sequences = Array.from({ length: batch }, () => {
    const r = Array.from({ length }, () => ordinary[Math.floor(uniform() * ordinary.length)]!);
    return bosId === undefined ? [...r, ...r] : [bosId, ...r, ...r];
  });
  const notices =
    bosId === undefined ? [l10n.t('{0} names no BOS token: the random sequences begin without one.', name)] : [];
  return { sequences, length, start, seed, notices };
}
