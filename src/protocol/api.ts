/**
 * What other extensions can do with Circuitscope: the type of `vscode.extensions.getExtension('circuitscope.circuitscope').exports`.
 * This file imports nothing: copy it. Within version 1 things are added, never changed or taken away.
 *
 * Conventions: layers, heads, positions and latents count from 0; matrices are row-major, rows are destinations; patterns and
 * scores are 0 to 1 unless said otherwise. Every promise is rejected with an Error whose message is one sentence for a person.
 */

export interface CircuitscopeApi {
  readonly version: 1;
  /**
   * Opens a checkpoint: a folder with config.json and .safetensors, a file in it, or a .onnx file. It stands in the side bar; the
   * one that the person uses stays in use. One that is open already is taken as it is.
   */
  openCheckpoint(path: string): Promise<ApiCheckpoint>;
  /** The checkpoint that the person uses, if one is open. */
  readonly activeCheckpoint: ApiCheckpoint | undefined;
  /** Runs a text. The panels show it only with `show`. Dispose the result when it is no longer needed: it holds memory. */
  analyze(checkpoint: ApiCheckpoint, text: ApiText, options?: ApiAnalyzeOptions): Promise<ApiAnalysis>;
  /** An analysis is shown in the panels that was not before: by the person, or by `analyze` with `show`. */
  readonly onDidAnalyze: ApiEvent<ApiAnalysis>;
  /** Scores of all heads on random tokens that are said twice, and by their weights; layer by layer. */
  headScores(checkpoint: ApiCheckpoint, options?: ApiOptions): Promise<ApiHeadScore[]>;
  /** How later heads read what earlier heads wrote. */
  composition(checkpoint: ApiCheckpoint, options?: ApiOptions): Promise<ApiComposition>;
  /** Which latents of a sparse autoencoder are active on an analysis. `sae`: its folder, or a file in it. */
  latents(analysis: ApiAnalysis, sae: string, options?: ApiOptions): Promise<ApiLatents>;
}

/** As VS Code's events. */
export type ApiEvent<T> = (listener: (value: T) => unknown) => { dispose(): void };

export interface ApiCancellationToken {
  readonly isCancellationRequested: boolean;
  readonly onCancellationRequested: (listener: (e: unknown) => unknown) => { dispose(): void };
}

export interface ApiOptions {
  token?: ApiCancellationToken;
}

export interface ApiAnalyzeOptions extends ApiOptions {
  /** Longest prompt in tokens; default: the setting `circuitscope.maxTokens`. */
  maxTokens?: number;
  /** Predictions of each position. Default 5. */
  topPredictions?: number;
  /** In the panels too. */
  show?: boolean;
}

/** A text, token ids, or a document of VS Code's, whole or a part. */
export type ApiText = string | { ids: number[] } | { document: ApiDocument; range?: ApiRange };

/** A `vscode.TextDocument`. */
export interface ApiDocument {
  readonly uri: { toString(): string };
  getText(): string;
}

/** A `vscode.Range`. */
export interface ApiRange {
  readonly start: { readonly line: number; readonly character: number };
  readonly end: { readonly line: number; readonly character: number };
}

export interface ApiCheckpoint {
  /** The same as long as it is open: its absolute folder, or .onnx file. */
  readonly id: string;
  readonly info: ApiCheckpointInfo;
  /** Closes it, unless it was open before `openCheckpoint`. */
  close(): Promise<void>;
}

export interface ApiCheckpointInfo {
  name: string;
  path: string;
  /** `model_type` of config.json. */
  architecture: string;
  nLayers: number;
  nHeads: number;
  dModel: number;
  dHead: number;
  /** Longest prompt in tokens. */
  nCtx: number;
  dVocab: number;
  nParams: number;
  hasTokenizer: boolean;
  /** Execution provider: `cpu`, `cuda`, … */
  provider: string;
}

export interface ApiToken {
  id: number;
  text: string;
  /** UTF-16 offsets into the text (of a document: into its part). */
  start: number;
  end: number;
}

export interface ApiPrediction {
  id: number;
  text: string;
  /** Probability. */
  p: number;
}

export interface ApiPatternOptions {
  /** `value-weighted`: pattern[d, s]·‖v_s W_O‖ / max_s ‖v_s W_O‖. Default `pattern`. */
  weighting?: 'pattern' | 'value-weighted';
}

export interface ApiAnalysis {
  readonly checkpoint: ApiCheckpoint;
  /** Of the file, or `prompt`. */
  readonly sourceName: string;
  readonly tokens: ApiToken[];
  readonly nLayers: number;
  readonly nHeads: number;
  /** Bits of surprise of each token given those before it; NaN at position 0. `[pos]` */
  readonly surprisal: Float32Array;
  /** Most probable next tokens after each position, most probable first. `[pos][k]` */
  readonly nextTokens: ApiPrediction[][];
  /** Sentences for the person: the text was cut, … */
  readonly notices: string[];
  /** Attention of a head. `[dst, src]`, row-major, tokens.length × tokens.length */
  pattern(layer: number, head: number, options?: ApiPatternOptions): Promise<Float32Array>;
  dispose(): void;
}

export interface ApiHeadScore {
  layer: number;
  head: number;
  /** Mean attention to the token before. */
  previousToken: number;
  /** To the same token, said earlier. */
  duplicateToken: number;
  /** To what followed the same token. */
  induction: number;
  /** To the first position. */
  firstToken: number;
  /** Of the attention, mean over destinations, in bits. */
  entropy: number;
  /** Σλ / Σ|λ| of W_E W_OV W_U, −1 to 1. */
  ovCopying: number;
  /** The same of W_E W_QK W_Eᵀ. */
  qkMatching: number;
}

export interface ApiComposition {
  nLayers: number;
  nHeads: number;
  /** Score of (earlier, later), heads counted as layer · nHeads + head; NaN where the first is not in an earlier layer. `[earlier, later]` */
  scores: Record<'Q' | 'K' | 'V', Float32Array>;
  /** Mean score of Gaussian matrices of the same shapes. */
  baseline: Record<'Q' | 'K' | 'V', number>;
}

export interface ApiLatents {
  nLatents: number;
  /** Of the rows below. */
  layers: number[];
  /** Entries kept of every (layer, token). */
  k: number;
  /** Latents, largest activation first; where the value is 0 nothing is active. `[layer, token, k]` */
  indices: Int32Array;
  values: Float32Array;
  /** Fraction of variance unexplained. `[layer]` */
  fvu: number[];
}
