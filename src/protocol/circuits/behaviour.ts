/** What heads and layers do on a prompt: induction circuits, logit lens, ablation, activation patching. */
import type { Prediction, Token } from '../analysis';
import type { HeadRef } from '../checkpoint';
import type { HeadScoresParams, OfCheckpoint } from '../circuits';

/** A prompt: exactly one of the two. */
export interface TextOrIds {
  text?: string;
  ids?: number[];
}

/** Previous-token scores and induction scores are measured as `headScores` measures them. */
export interface InductionParams extends HeadScoresParams {
  /** Pairs that are given. Default 20. */
  top?: number;
}

/** One reason why a pair is (or is not) an induction circuit. */
export interface Reason {
  /** e.g. `L0H4 attends to the previous token`. */
  text: string;
  value: number;
}

/** A previous-token head that an induction head's keys read from. */
export interface InductionPair {
  previous: HeadRef;
  induction: HeadRef;
  /** What the pairs are ranked by; see the engine's `inductionCircuits`. 0–1, higher is better. */
  score: number;
  /** K-composition and its random baseline. */
  kComposition: number;
  kBaseline: number;
  /** Σλ / Σ|λ| of W_E W_QK W_OVᵀ W_Eᵀ: QK matching of the induction head through the previous-token head's OV. */
  qkMatching: number;
  previousToken: number;
  inductionScore: number;
  ovCopying: number;
  reasons: Reason[];
}

export interface InductionCircuits {
  /** Best first. */
  pairs: InductionPair[];
  notices: string[];
}

export interface LensParams extends OfCheckpoint, TextOrIds {
  /** Tokens kept for each layer and position. Default 5. */
  topK?: number;
}

/** Logit lens: the residual stream on its way up, read through the final norm and the unembedding. */
export interface Lens {
  tokens: Token[];
  /** Rows, bottom to top (a model without layers has its embedding only): every `blocks.{l}.hook_resid_pre`, and the last layer's `hook_resid_post` (`label`: `L0`, …, `out`). */
  stages: { hook: string; label: string }[];
  k: number;
  /** Token ids, most probable first. `[stage, pos, k]` */
  topIds: Int32Array;
  /** Probabilities. `[stage, pos, k]` */
  topP: Float32Array;
  /** The model's own top prediction after each position. `[pos]` */
  answers: Prediction[];
  /** Probability of that answer. `[stage, pos]` */
  answerP: Float32Array;
  /** Number of tokens that are more probable than it. `[stage, pos]` */
  answerRank: Int32Array;
  /** The same of the token that really follows; NaN and −1 at the last position. */
  nextP: Float32Array;
  nextRank: Int32Array;
  /** The text of every id in `topIds`. */
  texts: Record<number, string>;
  notices: string[];
}

export interface AblateParams extends OfCheckpoint, TextOrIds {
  heads: HeadRef[];
  /** Replace hook_z by its mean over the positions of this prompt; otherwise by zero. */
  mean?: boolean;
  /** Predictions kept for each position. Default 5. */
  topK?: number;
}

export interface AblationSide {
  /** Mean cross-entropy of tokens 1 …, in nats; NaN for a single token. */
  loss: number;
  /** Of each token given those before it; NaN at 0. `[pos]` */
  tokenLoss: Float32Array;
  /** Most probable next tokens after each position. `[pos][k]` */
  predictions: Prediction[][];
}

export interface Ablation {
  tokens: Token[];
  heads: HeadRef[];
  mean: boolean;
  before: AblationSide;
  after: AblationSide;
  /** e.g. what the mean is taken over. */
  notices: string[];
}

/** One token, by id or by a text that is exactly one token. */
export interface TokenChoice {
  text?: string;
  id?: number;
}

export interface PatchParams extends OfCheckpoint {
  /** The two prompts have equally many tokens. */
  clean: TextOrIds;
  corrupted: TextOrIds;
  /** What the clean prompt should be followed by, and what the corrupted one. */
  answer: TokenChoice;
  wrong: TokenChoice;
}

/**
 * Activation patching, clean into corrupted. Logit differences are logit[answer] − logit[wrong] after the last token; an effect is
 * (patched − corrupted) / (clean − corrupted): 0 nothing changed, 1 the clean difference is back.
 */
export interface Patching {
  cleanTokens: Token[];
  corruptedTokens: Token[];
  answer: { id: number; text: string };
  wrong: { id: number; text: string };
  nLayers: number;
  nHeads: number;
  /** Logit differences of the two runs as they are. */
  clean: number;
  corrupted: number;
  /** Effect of one position of a layer's hook_resid_pre. `[layer, pos]` */
  resid: Float32Array;
  /** Effect of one head's hook_z at every position. `[layer, head]` */
  heads: Float32Array;
  notices: string[];
}
