import type { CheckpointInfo } from '../protocol/checkpoint';
import type { Checkpoint } from './checkpoint/checkpoint';
import { oneLine } from './checkpoint/errors';
import { hookNames } from './graph/hooks';
import { foreignHooks, hasForeignHook } from './onnx/derived';

/** What a checkpoint's files tell, before anything runs it. */
export type CheckpointFacts = Omit<CheckpointInfo, 'id' | 'provider' | 'providerNotes' | 'loadMs'>;

/** Every hook of a checkpoint, in the order in which they are computed: of a foreign graph those that were found. */
export const checkpointHooks = (checkpoint: Checkpoint): string[] =>
  checkpoint.foreign ? foreignHooks(checkpoint, checkpoint.foreign) : hookNames(checkpoint.description);

/** Whether a hook that every checkpoint of safetensors has was found in a foreign graph too. */
export const hasHook = (checkpoint: Checkpoint, name: string): boolean =>
  !checkpoint.foreign || hasForeignHook(checkpoint, checkpoint.foreign, name);

export function describeCheckpoint(checkpoint: Checkpoint): CheckpointFacts {
  const { name, path, description, nParams, bytes, dtypes, notices, tokenizer } = checkpoint;
  const { architecture, nLayers, nHeads, nKeyValueHeads, dModel, dHead, dMlp, nCtx, dVocab } = description;
  const sizes = { nLayers, nHeads, nKeyValueHeads, dModel, dHead, dMlp, nCtx, dVocab, nParams, bytes };
  const facts = { dtypes, hasTokenizer: tokenizer !== undefined, notices: notices.map(oneLine) };
  return { name, path, architecture, ...sizes, ...facts };
}
