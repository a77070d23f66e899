/** Training in the engine: multi-layer SAEs on an open checkpoint, toy transformers on text. Runs in an engine process of its own. */
import type { HeadRef } from './checkpoint';
import type { Corpus } from './latents/corpus';

/** Requests that last as long as the training; how it goes comes as `TrainingReport`s with the request's progress token. */
export interface TrainingRequests {
  /** Trains, or goes on where the folder's training stopped; cancelled = stopped after a save. */
  trainMlsae: [TrainMlsaeParams, TrainingSummary];
  trainToy: [TrainToyParams, TrainingSummary];
  /** What is known of a training folder (finished, stopped or running elsewhere), with the whole history. */
  readTraining: [{ dir: string }, TrainingRecord];
  /** A folder with what was saved last, which the training leaves alone when it goes on. */
  trainingResult: [{ dir: string }, TrainingResult];
}

export interface TrainMlsaeParams {
  checkpointId: string;
  corpus: Corpus;
  /** Folder of the result: the paper's own format, plus `training.json` and the optimiser's state. */
  out: string;
  /** Latents ÷ d_model. Default 16. */
  expansionFactor?: number;
  /** Default 32. */
  k?: number;
  /** Peak rate. Default 1e-4 as the paper, or given. */
  lr?: number;
  steps: number;
  /** Tokens of one step; each is a vector at every layer. Default 2048. */
  batchTokens?: number;
  /** Dead latents that model the error; 0: none. Default 256. Its loss counts 1/32. */
  auxk?: number;
  /** Residual streams that are read. Default all. */
  layers?: number[];
  /** Tokens without activation after which a latent is dead. Default 10 million. */
  deadTokens?: number;
  /** Steps between two saved checkpoints. Default 500. */
  saveEvery?: number;
  seed?: number;
  /** That a step runs on. Default: as many as there are cores; on a busy machine fewer are faster. */
  threads?: number;
}

export interface TrainToyParams {
  corpus: Corpus;
  out: string;
  layers: 0 | 1 | 2;
  /** Default 256. */
  dModel?: number;
  /** Default 8. */
  nHeads?: number;
  /** Default dModel / nHeads. */
  dHead?: number;
  /** Entries of the byte-level BPE that is trained on the same corpus. Default 4096. */
  vocab?: number;
  /** Default 256. */
  context?: number;
  steps: number;
  /** Sequences of one step. Default 16. */
  batch?: number;
  /** Peak rate of AdamW, linear warm-up and cosine. Default 2e-3. */
  lr?: number;
  /** Share of sequences in which a chunk is repeated: what makes induction heads form early. Default 0.3. */
  repeatShare?: number;
  /** Of the sequences with a repeated chunk, the share that hold uniformly random tokens instead of text. Default 0.25. */
  randomShare?: number;
  /** Stretches of the training, one after another, each with its own shares; in place of `repeatShare`. */
  stages?: ToyStage[];
  saveEvery?: number;
  /** Steps between two measurements of the heads. Default 50. */
  measureEvery?: number;
  /** Attention of the strongest induction (else previous-token) head on this text is reported. */
  snippet?: string;
  seed?: number;
  /** That a step runs on. Default: as many as there are cores; on a busy machine fewer are faster. */
  threads?: number;
}

/** A stretch of a training. */
export interface ToyStage {
  /** Part of the steps that it lasts to: above the stage's before; 1 for the last. */
  until: number;
  repeatShare: number;
  /** Default: that of the training. */
  randomShare?: number;
  /** Tokens of a sequence, a divisor of the model's context, which is the default. A step has more sequences then, and as many tokens. */
  context?: number;
}

export type TrainingKind = 'mlsae' | 'toy';

/** Of one step, or the mean of the steps since the last report. */
export interface TrainingPoint {
  step: number;
  tokens: number;
  loss: number;
  lr: number;
  tokensPerSecond: number;
}

export interface MlsaePoint extends TrainingPoint {
  /** By layer of the run. */
  fvu: number[];
  /** Latents active on a token at a layer. */
  l0: number;
  deadFraction: number;
  auxLoss: number;
}

/** Scores of every head. `[layer][head]` */
export type HeadGrid = number[][];

export interface ToyPoint extends TrainingPoint {
  /** Mean cross-entropy, nats, at 16 equal stretches of positions of held-out text; only where it was measured. */
  lossByPosition?: number[];
  /** Loss at the last eighth minus at the second eighth of the positions; negative: context is used. */
  inContext?: number;
  previousToken?: HeadGrid;
  induction?: HeadGrid;
  /** Largest K-composition of each layer-1 head with a layer-0 head. `[head]`; two layers only. */
  kComposition?: number[];
}

/** What the engine tells while it trains. */
export interface TrainingReport {
  kind: TrainingKind;
  dir: string;
  point: MlsaePoint | ToyPoint;
  totalSteps: number;
  /** Step of the last save; 0: none yet. */
  savedStep: number;
  secondsLeft: number;
  /** Pattern of the strongest head on the snippet, `[dst, src]`. */
  attention?: { head: HeadRef; score: string; tokens: string[]; pattern: Float32Array };
}

export interface TrainingSummary {
  dir: string;
  kind: TrainingKind;
  step: number;
  totalSteps: number;
  tokens: number;
  seconds: number;
  complete: boolean;
  last: MlsaePoint | ToyPoint;
  notices: string[];
}

/** A result, and after how many steps it was saved. */
export interface TrainingResult {
  folder: string;
  step: number;
}

/** `training.json` and its history. */
export interface TrainingRecord extends TrainingSummary {
  params: Omit<TrainMlsaeParams, 'checkpointId'> | TrainToyParams;
  history: (MlsaePoint | ToyPoint)[];
}
