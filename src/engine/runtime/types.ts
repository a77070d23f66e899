import type { Tensor } from 'onnxruntime-node';
import type { HookTensor } from '../../protocol/engine';
import type { TrainingReport } from '../../protocol/training';

/** Called between the steps of long work; throws when the person cancelled. */
export interface Steps {
  /** Lets messages in (a cancellation among them), then reports. `fraction` 0–1. */
  step(message: string, fraction?: number, report?: TrainingReport): Promise<void>;
}

export interface ForwardRequest {
  ids: number[];
  /** They are so many sequences of one length, one after another, that do not see each other; hooks are residual streams, of all rows. */
  sequences?: number;
  /** Exact hook names (see graph/hooks.ts `expandHooks` for globs). */
  hooks: string[];
  /** Of them, those that a session on the same provider reads next: they are also left on the device, where it can (`kept`). */
  keep?: string[];
  /** Also the k most probable next tokens and each token's log-probability given those before it. */
  topK?: number;
  /** First position that is unembedded: rows of `logits`, `ln_final.hook_scale` and `next` begin there. Default 0. */
  unembedFrom?: number;
  interventions?: Interventions;
  /**
   * A look at one text: sessions that are not there yet may read weights where they lie, which is sooner and needs less memory,
   * but rounds otherwise than later runs (long texts are always read so). Not for runs that are compared with each other.
   */
  glance?: boolean;
}

/** x' = x · keep + add; both broadcast against x, and are 1 and 0 when not given. */
export interface Edit {
  keep?: HookTensor;
  add?: HookTensor;
}

/**
 * What a run changes on its way. Hooks give the changed values. Sessions are cached by which of the three there are (and by
 * the layers of `patterns`), not by their values: a sweep over layers and positions uses one session.
 */
export interface Interventions {
  /** hook_z of layers, `[pos, head, d_head]`; a keep of shape `[1, head, 1]` ablates heads. */
  z?: ReadonlyMap<number, Edit>;
  /** hook_resid_pre of layers, `[pos, d_model]`; of layer n_layers: the last hook_resid_post. */
  resid?: ReadonlyMap<number, Edit>;
  /** hook_pattern of layers instead of their own, `[head, dst, src]`. */
  patterns?: ReadonlyMap<number, Float32Array>;
}

export interface NextTokens {
  k: number;
  /** Token ids, most probable first. `[pos, k]` */
  ids: Int32Array;
  /** Natural log-probabilities. `[pos, k]` */
  logProbs: Float32Array;
  /** log p(token i | tokens before i); NaN at 0. `[pos]` */
  tokenLogProbs: Float32Array;
}

export interface ForwardResult {
  hooks: Record<string, HookTensor>;
  /** What stayed on the device; to be freed (`freeOnDevice`) by who asked for it. */
  kept?: Record<string, Tensor>;
  next?: NextTokens;
  /** ms spent creating sessions in this call (0 when they were cached) and running. */
  loadMs: number;
  runMs: number;
}

/** Rows of the residual stream that are read as the model reads its last one. */
export interface UnembedRequest {
  /** `[row, d_model]` */
  resid: Float32Array;
  topK: number;
  /** Each a token id for every row. */
  targets: ArrayLike<number>[];
  /** As many rows of another run: also how far their distributions are from these. */
  against?: Float32Array;
}

export interface Unembedded extends Pick<NextTokens, 'k' | 'ids' | 'logProbs'> {
  /** Of each target: natural log-probability, and the number of tokens that are more probable. `[row]` */
  targets: { logProbs: Float32Array; ranks: Int32Array }[];
  /** KL(against ‖ resid), nats; 0 or more. `[row]` */
  kl?: Float32Array;
}

/** A model that is ready to run on one execution provider. */
export interface ModelRunner {
  readonly provider: string;
  /** One line for each provider that was not taken before it. */
  readonly providerNotes: string[];
  run(request: ForwardRequest, steps?: Steps): Promise<ForwardResult>;
  /** Final norm and unembedding of any rows. */
  unembed(request: UnembedRequest, steps?: Steps): Promise<Unembedded>;
  dispose(): Promise<void>;
}
