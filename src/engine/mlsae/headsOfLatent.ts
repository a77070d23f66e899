/**
 * Which heads write a direction and which look for it (DESIGN, “heads that write a latent”): composition with a reader, or a
 * writer, of rank one. A product of a head's factors with one vector is two vectors; no d_model × d_model matrix is formed.
 */
import * as l10n from '@vscode/l10n';
import { Tensor } from 'onnxruntime-node';
import type { CompositionKind } from '../../protocol/circuits';
import type { HeadLink } from '../../protocol/latents/card';
import type { Checkpoint } from '../checkpoint/checkpoint';
import type { ModelDescription } from '../checkpoint/description';
import { emitGrams, emitNorm } from '../circuits/compositionExact';
import type { OpenModel } from '../circuitHandlers';
import { DataType, type GraphBuilder, type Value } from '../graph/builder';
import { headWeights } from '../graph/canonical';
import { pieces } from '../graph/vocabulary';
import type { Weights } from '../graph/weights';
import { runWeights } from '../runtime/weightRun';
import type { Steps } from '../runtime/types';
import { foldedRead, foldedWeights } from './foldedVector';

/** Bytes of heads that one session holds. */
const CHUNK_BYTES = 256 * 2 ** 20;

/** Of each head of a layer. */
interface HeadNorms {
  /** ‖W_OV‖_F and ‖W_QK‖_F, norms folded in. `[head]` */
  ov: Float32Array;
  qk: Float32Array;
}

export interface HeadsOfLatent {
  writers: HeadLink[];
  readers: (HeadLink & { kind: CompositionKind })[];
}

/** A unit direction of the residual stream where heads of a layer write to it and where they read it. `[d_model]` each */
export interface Direction {
  written: Float32Array;
  read: Float32Array;
}

/**
 * Every head's share, in the order of the heads; norms are folded into the weights.
 * @param directionAt the direction at a layer
 */
export async function headsOfLatent(
  model: OpenModel,
  directionAt: (layer: number) => Direction,
  steps: Steps,
): Promise<HeadsOfLatent> {
  const { checkpoint, runner } = model;
  const d = checkpoint.description;
  const norms = await headNorms(model, steps);
  const found: HeadsOfLatent = { writers: [], readers: [] };
  for (const [from, to] of pieces(d.nLayers, CHUNK_BYTES / (16 * d.dModel * d.dHead * d.nHeads))) {
    await steps.step(l10n.t('Heads of layers {0}–{1}', from, to - 1), from / d.nLayers);
    const layers = Array.from({ length: to - from }, (_, i) => from + i);
    const feeds = Object.fromEntries(
      layers.flatMap((layer) =>
        Object.entries(directionAt(layer)).map(([name, data]: [string, Float32Array]) => [
          `${name}.${layer}`,
          new Tensor('float32', data, [1, d.dModel]),
        ]),
      ),
    );
    const outputs = await runWeights(
      checkpoint,
      runner.provider,
      (g, w) => Object.assign({}, ...layers.map((layer) => emitLayer(g, w, d, layer))) as Record<string, Value>,
      feeds,
    );
    for (const layer of layers) collect(found, layer, norms[layer]!, (name) => outputs[`${name}.${layer}`]!.data);
  }
  return found;
}

/** ‖W_OV d̂ᵀ‖, ‖d̂ W_QK‖, ‖W_QK d̂ᵀ‖ and ‖d̂ W_OV‖ of every head of a layer. `[head]` each */
function emitLayer(g: GraphBuilder, w: Weights, d: ModelDescription, layer: number): Record<string, Value> {
  const { W_Q, W_K, W_V, W_O } = headWeights(g, w, d, layer, false);
  const { ln1 } = d.layers[layer]!;
  const given = (name: string): Value => g.input(`${name}.${layer}`, DataType.FLOAT, [1, d.dModel]);
  // vectors are turned, not weights
  const turned = (x: Value): Value => g.op('Reshape', [x, g.ints([0, -1, 1])]);
  const times = (x: Value, W: Value): Value => g.op('MatMul', [x, W]);
  /** x Wᵀ as rows, `[head, 1, …]` */
  const timesTurned = (x: Value, W: Value): Value => g.op('Reshape', [times(W, turned(x)), g.ints([0, 1, -1])]);
  const folded = (x: Value): Value => foldedWeights(g, w, d, ln1, x);
  const length = (x: Value): Value => g.op('ReduceL2', [x, g.ints([1, 2])], { keepdims: 0 });
  const read = foldedRead(g, w, d, ln1, given('read'));
  return {
    [`write.${layer}`]: length(folded(timesTurned(timesTurned(given('written'), W_O), W_V))),
    [`Q.${layer}`]: length(folded(timesTurned(times(read, W_Q), W_K))),
    [`K.${layer}`]: length(folded(timesTurned(times(read, W_K), W_Q))),
    [`V.${layer}`]: length(times(times(read, W_V), W_O)),
  };
}

function collect(
  { writers, readers }: HeadsOfLatent,
  layer: number,
  { ov, qk }: HeadNorms,
  lengthsOf: (name: string) => Float32Array,
): void {
  const share = (length: number, norm: number): number => (norm > 0 ? length / norm : 0);
  for (let head = 0; head < ov.length; head++) {
    const score = (name: string, norms: Float32Array): number => share(lengthsOf(name)[head]!, norms[head]!);
    writers.push({ layer, head, score: score('write', ov) });
    readers.push({ layer, head, kind: 'Q', score: score('Q', qk) });
    readers.push({ layer, head, kind: 'K', score: score('K', qk) });
    readers.push({ layer, head, kind: 'V', score: score('V', ov) });
  }
}

/** They belong to the checkpoint, not to a latent. */
const known = new WeakMap<Checkpoint, HeadNorms[]>();

async function headNorms({ checkpoint, runner }: OpenModel, steps: Steps): Promise<HeadNorms[]> {
  const found = known.get(checkpoint);
  if (found) return found;
  const d = checkpoint.description;
  const norms: HeadNorms[] = [];
  for (let layer = 0; layer < d.nLayers; layer++) {
    await steps.step(l10n.t('Norms of the heads of layer {0}', layer), layer / d.nLayers);
    const { ov, qk } = await runWeights(checkpoint, runner.provider, (g, w) => {
      const grams = emitGrams(g, headWeights(g, w, d, layer, true));
      return { ov: emitNorm(g, grams.V, grams.O), qk: emitNorm(g, grams.Q, grams.K) };
    });
    norms.push({ ov: ov!.data, qk: qk!.data });
  }
  known.set(checkpoint, norms);
  return norms;
}
