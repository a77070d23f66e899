/** The toy models of “A Mathematical Framework for Transformer Circuits”, to be trained. */
import * as l10n from '@vscode/l10n';
import type { TrainToyParams } from '../../../protocol/training';
import { attnOnly } from '../../checkpoint/architectures/attnOnly';
import { Config } from '../../checkpoint/config';
import type { ModelDescription } from '../../checkpoint/description';
import { InputError } from '../../checkpoint/errors';
import { weightRefs } from '../../checkpoint/usedWeights';
import { gaussianNumbers } from './gaussian';

export interface ToySizes {
  layers: number;
  dModel: number;
  nHeads: number;
  dHead: number;
  vocab: number;
  context: number;
}

const DEFAULTS = { dModel: 256, nHeads: 8, vocab: 4096, context: 256 };
const LARGEST: Record<keyof ToySizes, number> = {
  layers: 2,
  dModel: 8192,
  nHeads: 1024,
  dHead: 8192,
  vocab: 1_000_000,
  context: 65_536,
};

/** @throws InputError for sizes that are none, or do not fit together */
export function toySizes(params: TrainToyParams): ToySizes {
  const { layers, dModel = DEFAULTS.dModel, nHeads = DEFAULTS.nHeads } = params;
  const { vocab = DEFAULTS.vocab, context = DEFAULTS.context } = params;
  const dHead = params.dHead ?? dModel / nHeads;
  const sizes = { layers, dModel, nHeads, dHead, vocab, context };
  if (params.dHead === undefined && dModel % nHeads !== 0)
    throw new InputError(
      l10n.t('nHeads is {0}, a divisor of dModel {1} was expected (or give dHead).', String(nHeads), String(dModel)),
    );
  for (const [name, value] of Object.entries(sizes)) {
    const least = name === 'layers' ? 0 : name === 'context' ? 4 : 1;
    const most = LARGEST[name as keyof ToySizes];
    if (!Number.isInteger(value) || value < least || value > most)
      throw new InputError(
        l10n.t('{0} is {1}, a whole number from {2} to {3} was expected.', name, String(value), least, most),
      );
  }
  return sizes;
}

/** Its config.json, in TransformerLens's keys. No norms, no biases; positions only for queries and keys. */
export const toyConfig = ({ layers, dModel, nHeads, dHead, vocab, context }: ToySizes): Record<string, unknown> => ({
  architectures: ['AttnOnlyTransformer'],
  model_type: 'attn_only',
  n_layers: layers,
  d_model: dModel,
  n_heads: nHeads,
  d_head: dHead,
  n_ctx: context,
  d_vocab: vocab,
  d_vocab_out: vocab,
  d_mlp: 0,
  act_fn: null,
  positional_embedding_type: 'shortformer',
  normalization_type: null,
  final_rms: false,
  attn_only: true,
  attention_dir: 'causal',
  use_attn_scale: true,
  attn_scale: Math.sqrt(dHead),
  use_attn_bias: false,
  tie_word_embeddings: false,
  bos_token_id: 0,
  eos_token_id: 0,
  torch_dtype: 'float32',
});

export const toyDescription = (sizes: ToySizes): ModelDescription =>
  attnOnly(new Config('config.json', toyConfig(sizes)), () => false);

export interface Parameter {
  /** Stored name. */
  name: string;
  shape: number[];
  /** Weight decay takes of it. */
  decays: boolean;
  /** Its rate over the step's. */
  rate: number;
}

/** Without norms attention scores grow slowly: what they are made of learns faster. */
const FASTER = /\.W_[QK]$|W_pos$/;
const FASTER_BY = 2;

/** What is trained; in a model without layers there are no queries and keys that shortformer positions are added to. */
export function toyParameters(d: ModelDescription): Parameter[] {
  const refs = new Map(weightRefs(d).map((ref) => [ref.tensor, ref]));
  return [...refs.values()]
    .filter(({ tensor }) => d.nLayers > 0 || d.positions.kind !== 'shortformer' || !tensor.endsWith('W_pos'))
    .map(({ tensor, shape }) => ({
      name: tensor,
      shape,
      decays: !/W_E$|W_pos$/.test(tensor),
      rate: FASTER.test(tensor) ? FASTER_BY : 1,
    }));
}

/** Initial standard deviations: those with which the samples were trained. */
function deviation(name: string, { dModel, nLayers }: ModelDescription): number {
  const matrix = 1 / Math.sqrt(dModel);
  if (name.endsWith('W_E') || name.endsWith('W_pos')) return 0.1;
  if (name.endsWith('W_U')) return 0.5 * matrix;
  if (name.endsWith('W_O')) return matrix / Math.sqrt(2 * nLayers);
  return matrix;
}

/** Seeded initial weights by name. */
export function initialWeights(d: ModelDescription, seed: number): Map<string, Float32Array> {
  const seedOf = (i: number): number => (Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(i + 1, 0x85ebca6b)) >>> 0;
  return new Map(
    toyParameters(d).map(({ name, shape }, i) => {
      const length = shape.reduce((a, b) => a * b, 1);
      const values = gaussianNumbers(length, deviation(name, d), seedOf(i));
      if (name.endsWith('W_pos')) addSinusoids(values, d, seedOf(-2));
      return [name, values];
    }),
  );
}

const SINUSOIDS = { frequencies: 32, highest: 2.8, amplitude: 0.5 };

/**
 * Positions begin as sinusoids in random directions: to attend to the token before is then one rotation for all positions, which
 * a head learns in hundreds of steps; from a table of random rows it takes many thousands.
 */
function addSinusoids(W_pos: Float32Array, { nCtx, dModel }: ModelDescription, seed: number): void {
  const { highest, amplitude } = SINUSOIDS;
  const n = Math.max(1, Math.min(SINUSOIDS.frequencies, Math.floor(dModel / 4)));
  const basis = gaussianNumbers(2 * n * dModel, 1 / Math.sqrt(dModel), seed);
  const lowest = Math.min(highest, (2 * Math.PI) / nCtx);
  for (let f = 0; f < n; f++) {
    const frequency = highest * (lowest / highest) ** (f / Math.max(1, n - 1));
    for (let pos = 0; pos < nCtx; pos++) {
      const [sin, cos] = [amplitude * Math.sin(pos * frequency), amplitude * Math.cos(pos * frequency)];
      for (let i = 0; i < dModel; i++)
        W_pos[pos * dModel + i]! += sin * basis[2 * f * dModel + i]! + cos * basis[(2 * f + 1) * dModel + i]!;
    }
  }
}
