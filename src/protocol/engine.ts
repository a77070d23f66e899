/**
 * Host ↔ engine: the methods of the JSON-RPC connection. Messages travel over the child process's IPC channel with
 * V8's structured clone (`serialization: 'advanced'`), so typed arrays are binary on the wire.
 */
import type { AnalysisInfo, PatternMatrix, Reduction, SourcesByLayer, Thumbnails, Weighting } from './analysis';
import type { CheckpointCandidate, CheckpointInfo, HeadRef } from './checkpoint';
import type { CircuitRequests } from './circuits';
import type { CompareRequests } from './compare';
import type { InteropRequests } from './interop';
import type { LatentRequests } from './latents';
import type { ResultRequests } from './results';
import type { TensorRequests } from './tensors';
import type { ToolRequests } from './tools';
import type { TrainingReport, TrainingRequests } from './training';

export interface OpenCheckpointParams {
  /** A checkpoint folder, or a file in it (`config.json`, `*.safetensors`, `*.safetensors.index.json`). */
  path: string;
  /** Names in the order they are to be tried; empty: the default order. */
  providers: string[];
}

export interface AnalyzeParams {
  checkpointId: string;
  /** Exactly one of `text` and `ids`. */
  text?: string;
  ids?: number[];
  /** Prompts longer than this (and than the context) are cut. */
  maxTokens?: number;
  /** Predictions kept for each position. */
  topK: number;
}

export interface PatternParams {
  analysisId: string;
  reduction: Reduction;
  weighting: Weighting;
  /** Needed for `one`. */
  head?: HeadRef;
}

export interface HookTensor {
  shape: number[];
  data: Float32Array;
}

/** Every request: method name → [params, result]. The engine implements it, the host calls it, nothing else is sent. */
export interface EngineRequests
  extends
    CircuitRequests,
    CompareRequests,
    InteropRequests,
    LatentRequests,
    ResultRequests,
    TensorRequests,
    ToolRequests,
    TrainingRequests {
  /** Also the liveness check. */
  version: [null, { pid: number; onnxruntime: string; providers: string[] }];
  findCheckpoints: [{ roots: string[] }, CheckpointCandidate[]];
  openCheckpoint: [OpenCheckpointParams, CheckpointInfo];
  closeCheckpoint: [{ checkpointId: string }, null];
  analyze: [AnalyzeParams, AnalysisInfo];
  closeAnalysis: [{ analysisId: string }, null];
  pattern: [PatternParams, PatternMatrix];
  thumbnails: [{ analysisId: string; weighting: Weighting; size: number }, Thumbnails];
  sources: [{ analysisId: string; destination: number; k: number }, SourcesByLayer];
  /** Writes [layer, head, dst, src] patterns (or one head's) as safetensors with TransformerLens names. */
  exportPattern: [{ analysisId: string; head?: HeadRef; weighting: Weighting; file: string }, null];
}

export type EngineMethod = keyof EngineRequests;

/** Progress of `openCheckpoint` and `analyze`, sent with the request's progress token. */
export interface EngineProgress {
  /** e.g. `Loading layers 0–5 of 12`. */
  message: string;
  /** 0–1, absent when unknown. */
  fraction?: number;
  /** Of a training: how it goes. */
  report?: TrainingReport;
}

/** JSON-RPC error codes of ours (outside the reserved range). Anything else is an internal error; its stack is in `data`. */
export const EngineErrorCode = {
  /** The person's input is at fault; `message` is one sentence for them. */
  badInput: 1,
  /** The id names nothing that is open (closed, evicted, or the engine was restarted). */
  gone: 2,
  /** The person cancelled (the code that the Language Server Protocol uses). */
  cancelled: -32800,
} as const;

/** Engine → host: a line for the log. */
export interface LogLine {
  level: 'info' | 'warn' | 'error';
  message: string;
}
