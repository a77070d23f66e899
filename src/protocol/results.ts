/** Request that measures the key numbers of a result, for a `.circuitscope.json` and for running it again. */
import type { Token } from './analysis';
import type { OpenSaeParams } from './latents';
import type { FileIdentity, ResultNumbers, ResultView } from './resultFile';

export interface MeasureParams {
  checkpointId: string;
  /** Of panels about latents. */
  saeId?: string;
  /** B of a comparison. */
  otherId?: string;
  /** Opened on B, where its latents are read with its own autoencoder; `saeId` was then opened on A. */
  otherSaeId?: string;
  /** What was read; with `ids`, whether it gives the same tokens is told. */
  text?: string;
  ids: number[];
  view: ResultView;
  /** Head scores too: they take a run of their own. */
  scores: boolean;
  /** Longer lists, in which every number of a saved one is found that has not changed. */
  wide?: boolean;
}

export interface IdentifyParams {
  /** Of a checkpoint. */
  path: string;
  sae?: Omit<OpenSaeParams, 'checkpointId'>;
}

export interface Measured {
  tokens: Token[];
  /** The tokenizer gives other ids for the text now. */
  otherTokens: boolean;
  /** Without the path from a file. */
  checkpoint: Omit<FileIdentity, 'path'>;
  sae?: Omit<FileIdentity, 'path'>;
  other?: Omit<FileIdentity, 'path'>;
  otherSae?: Omit<FileIdentity, 'path'>;
  numbers: ResultNumbers;
  /** What could not be measured. */
  notices: string[];
}

export interface ResultRequests {
  measureResult: [MeasureParams, Measured];
  /** Reads config, headers and the beginnings of tensors of files that need not be open. */
  identify: [IdentifyParams, Pick<Measured, 'checkpoint' | 'sae'>];
}
