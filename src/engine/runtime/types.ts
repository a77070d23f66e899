import type { HookTensor } from '../../protocol/engine';

/** Called between the steps of long work; throws when the person cancelled. */
export interface Steps {
  /** Lets messages in (a cancellation among them), then reports. `fraction` 0–1. */
  step(message: string, fraction?: number): Promise<void>;
}

export interface ForwardRequest {
  ids: number[];
  /** Exact hook names (see graph/hooks.ts `expandHooks` for globs). */
  hooks: string[];
  /** Also the k most probable next tokens and each token's log-probability given those before it. */
  topK?: number;
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
  next?: NextTokens;
  /** ms spent creating sessions in this call (0 when they were cached) and running. */
  loadMs: number;
  runMs: number;
}

/** A model that is ready to run on one execution provider. */
export interface ModelRunner {
  readonly provider: string;
  /** One line for each provider that did not start. */
  readonly providerNotes: string[];
  run(request: ForwardRequest, steps?: Steps): Promise<ForwardResult>;
  dispose(): Promise<void>;
}
