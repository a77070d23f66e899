/** Head of a transformer; both count from 0. Written `L1H4` for people. */
export interface HeadRef {
  layer: number;
  head: number;
}

export const headName = ({ layer, head }: HeadRef): string => `L${layer}H${head}`;

/** What is known about an open checkpoint once its config, tensors and tokenizer have been read. */
export interface CheckpointInfo {
  /** Chosen by the engine; never used again, also not by one that is started after it died. */
  id: string;
  /** Folder name, e.g. `attn-only-2l`. */
  name: string;
  /** Absolute folder. */
  path: string;
  /** `model_type` of config.json. */
  architecture: string;
  nLayers: number;
  nHeads: number;
  nKeyValueHeads: number;
  dModel: number;
  dHead: number;
  dMlp: number;
  /** Longest prompt in tokens. */
  nCtx: number;
  dVocab: number;
  nParams: number;
  /** Bytes of the weights on disk. */
  bytes: number;
  /** Stored dtypes, most frequent first: `F16`. */
  dtypes: string[];
  hasTokenizer: boolean;
  /** Execution provider that runs it: `cpu`, `cuda`, … */
  provider: string;
  /** One line for each provider that was not taken before it (did not start, is slower, is wrong), in the order they were tried. */
  providerNotes: string[];
  /** What a person should know: ignored config keys, no tokenizer, … */
  notices: string[];
  /** ms spent reading files and creating the session. */
  loadMs: number;
}

/** A folder that looks like a checkpoint. */
export interface CheckpointCandidate {
  path: string;
  name: string;
  modelType: string;
  bytes: number;
}
