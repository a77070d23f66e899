/** Where a runner's graphs come from: emitted over a checkpoint's weights here, cut out of a foreign graph in `onnx/`. */
import type { Tensor } from 'onnxruntime-node';
import type { Checkpoint } from '../checkpoint/checkpoint';
import type { Layer, Linear } from '../checkpoint/description';
import {
  emitBlocks,
  emitUnembed,
  type BlocksRequest,
  type Graph,
  type UnembedGraphRequest,
} from '../graph/transformer';
import { vocabularyParts, type VocabularyPart } from '../graph/vocabularyPart';
import { Weights } from '../graph/weights';
import { promptInputs } from './inputs';
import { interventionFeeds } from './interventions';
import type { Interventions } from './types';

/** Blocks [from, to) that one session holds, and the bytes of their weights as float32. */
export interface Segment {
  from: number;
  to: number;
  bytes: number;
}

export interface ModelGraphs {
  readonly segments: Segment[];
  /** Columns of the rows that the blocks leave for the unembedding: d_model, of the residual stream. */
  readonly width: number;
  /** Bytes of the unembedding's weights as float32. */
  readonly unembedBytes: number;
  /** What the unembedding can be divided into; one part where it is small, or not stored token by token. */
  readonly vocabularyParts: VocabularyPart[];
  /** Rows that one run of the unembedding can take. */
  readonly maxRows: number;
  /** Whether the blocks can compute attention in blocks of rows. */
  readonly inRowBlocks: boolean;
  /** Whether the blocks can run several sequences at once. */
  readonly inSequences: boolean;
  blocks(request: BlocksRequest): Graph;
  unembed(request: UnembedGraphRequest): Graph;
  /** Feeds of a run but for the residual stream; graphs take those that they have inputs for. */
  feeds(ids: number[], interventions: Interventions | undefined, sequences: number): Record<string, Tensor>;
  /** Feeds of the unembedding of so many rows but for the rows themselves. */
  rowFeeds(rows: number): Record<string, Tensor>;
}

/** Bytes of weights as float32 that one session of blocks, and of a part of the vocabulary, may hold. */
interface GraphLimits {
  segmentBytes: number;
  vocabularyBytes: number;
}

export function checkpointGraphs(checkpoint: Checkpoint, { segmentBytes, vocabularyBytes }: GraphLimits): ModelGraphs {
  const { description } = checkpoint;
  const { dModel, dVocab } = description;
  return {
    segments: segmentsOf(description.layers.map(layerBytes), segmentBytes),
    width: dModel,
    unembedBytes: 4 * dModel * dVocab,
    vocabularyParts: vocabularyParts(checkpoint, vocabularyBytes),
    maxRows: Infinity,
    inRowBlocks: true,
    inSequences: true,
    blocks: (request) => emitBlocks(checkpoint, request),
    unembed: (request) => emitUnembed(checkpoint, request),
    feeds: (ids, interventions, sequences) => ({
      ...promptInputs(description, ids, sequences),
      ...interventionFeeds(description, interventions, ids.length),
    }),
    rowFeeds: () => ({}),
  };
}

/**
 * Runs of blocks whose weights fit `limit`; one (perhaps empty) segment at least.
 * @param layers bytes of each block's weights
 */
export function segmentsOf(layers: number[], limit: number): Segment[] {
  const segments = [{ from: 0, to: 0, bytes: 0 }];
  layers.forEach((bytes, index) => {
    const current = segments.at(-1)!;
    if (current.to > current.from && current.bytes + bytes > limit)
      segments.push({ from: index, to: index + 1, bytes });
    else {
      current.to = index + 1;
      current.bytes += bytes;
    }
  });
  return segments;
}

function layerBytes({ qkv, out, mlp }: Layer): number {
  const projections = qkv.kind === 'fused' ? [qkv.linear] : [qkv.q, qkv.k, qkv.v];
  const all: (Linear | undefined)[] = [...projections, out, mlp?.gate, mlp?.in, mlp?.out];
  return all.reduce((sum, l) => sum + Weights.floatBytes(l?.weight), 0);
}
