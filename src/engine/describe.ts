import type { CheckpointInfo } from '../protocol/checkpoint';
import type { Checkpoint } from './checkpoint/checkpoint';

/** What a checkpoint's files tell, before anything runs it. */
export type CheckpointFacts = Omit<CheckpointInfo, 'id' | 'provider' | 'providerNotes' | 'loadMs'>;

export function describeCheckpoint(checkpoint: Checkpoint): CheckpointFacts {
  const { name, path, description, nParams, bytes, dtypes, notices, tokenizer } = checkpoint;
  const { architecture, nLayers, nHeads, nKeyValueHeads, dModel, dHead, dMlp, nCtx, dVocab } = description;
  const sizes = { nLayers, nHeads, nKeyValueHeads, dModel, dHead, dMlp, nCtx, dVocab, nParams, bytes };
  return { name, path, architecture, ...sizes, dtypes, hasTokenizer: tokenizer !== undefined, notices };
}
