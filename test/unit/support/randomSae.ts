/** Small sparse autoencoders with seeded random weights, written in every format that the engine opens. */
import { join } from 'node:path';
import type { SaeFormat } from '../../../src/protocol/latents';
import type { Sae64 } from './naiveSae';
import { gaussian, rounded, tempFolder, writeFile, writeTensors, type TestDtype, type TestTensor } from './files';

export { encode64, type Encoded64, type Sae64 } from './naiveSae';

export interface SaeVariant {
  name: string;
  format: SaeFormat;
  activation: 'topk' | 'relu' | 'jumprelu' | 'gated';
  /** Default 3. */
  k?: number;
  standardize?: boolean;
  /** SAELens: b_dec is taken from the input. Default true. */
  bDecToInput?: boolean;
  /** SAELens before version 6: flat cfg.json, TopK as an activation function. */
  old?: boolean;
  /** Translators in a file of their own, or within the -tfm file. */
  tunedLens?: 'file' | 'within';
  dtype?: TestDtype;
}

/** Every format and activation, with and without what changes the numbers. */
export const SAE_VARIANTS: SaeVariant[] = [
  { name: 'mlsae', format: 'mlsae', activation: 'topk', standardize: true },
  // more than are positive: ReLU matters
  { name: 'mlsae raw', format: 'mlsae', activation: 'topk', standardize: false, k: 20 },
  { name: 'mlsae F16', format: 'mlsae', activation: 'topk', standardize: true, dtype: 'F16' },
  { name: 'mlsae BF16 raw', format: 'mlsae', activation: 'topk', standardize: false, dtype: 'BF16' },
  { name: 'mlsae tuned lens', format: 'mlsae', activation: 'topk', standardize: true, tunedLens: 'file' },
  { name: 'mlsae raw tuned lens', format: 'mlsae', activation: 'topk', standardize: false, tunedLens: 'file' },
  { name: 'tfm', format: 'mlsae-tfm', activation: 'topk', standardize: true },
  { name: 'tfm tuned lens', format: 'mlsae-tfm', activation: 'topk', standardize: true, tunedLens: 'within' },
  { name: 'saelens standard', format: 'saelens', activation: 'relu' },
  { name: 'saelens old b_dec out', format: 'saelens', activation: 'relu', old: true, bDecToInput: false },
  { name: 'saelens layer_norm', format: 'saelens', activation: 'relu', standardize: true },
  { name: 'saelens topk', format: 'saelens', activation: 'topk' },
  { name: 'saelens old topk', format: 'saelens', activation: 'topk', old: true },
  { name: 'saelens jumprelu', format: 'saelens', activation: 'jumprelu' },
  {
    name: 'saelens jumprelu layer_norm BF16',
    format: 'saelens',
    activation: 'jumprelu',
    standardize: true,
    dtype: 'BF16',
  },
  { name: 'saelens gated', format: 'saelens', activation: 'gated' },
  { name: 'saelens gated b_dec out', format: 'saelens', activation: 'gated', bDecToInput: false },
  { name: 'sparsify', format: 'sparsify', activation: 'topk' },
  { name: 'sparsify ReLU matters', format: 'sparsify', activation: 'topk', k: 20 },
];

export interface SaeSize {
  nInputs: number;
  /** Default 4 × nInputs. */
  nLatents?: number;
  /** Of the model. Default 2. */
  nLayers?: number;
  /** Of a single-layer SAE. Default 1. */
  layer?: number;
  /** Default 1. */
  seed?: number;
}

export interface RandomSae {
  folder: string;
  /** To be given as `tunedLens`. */
  tunedLens?: string;
  /** It reads these. */
  layers: number[];
  sae: Sae64;
  /** What was written, for tests that break it and write it again. */
  config: Record<string, unknown>;
  configFile: string;
  tensors: Record<string, TestTensor>;
  weightsFile: string;
}

const zeros = (n: number): number[] => new Array<number>(n).fill(0);
const transpose = (m: number[][]): number[][] => m[0]!.map((_, j) => m.map((row) => row[j]!));
const nested = (data: ArrayLike<number>, columns: number): number[][] =>
  Array.from({ length: data.length / columns }, (_, i) =>
    Array.from({ length: columns }, (_, j) => data[i * columns + j]!),
  );

/** Writes one into a new folder (sparsify: one called `layers.N`). */
export function writeRandomSae(variant: SaeVariant, size: SaeSize): RandomSae {
  const { nInputs, nLatents = 4 * nInputs, nLayers = 2, layer = 1 } = size;
  const k = variant.k ?? 3;
  const seed = 1000 * (size.seed ?? 1);
  const dtype = variant.dtype ?? 'F32';
  const stored = (length: number, salt: number, scale: number): number[] => [
    ...rounded(gaussian(length, seed + salt, scale), dtype),
  ];
  const vector = (salt: number, scale = 0.3, length = nLatents): number[] => stored(length, salt, scale);
  const matrix = (salt: number, scale: number): number[][] => nested(stored(nLatents * nInputs, salt, scale), nInputs);
  const mlsae = variant.format.startsWith('mlsae');
  const b = vector(3, 0.2, nInputs);
  const sae: Sae64 = {
    variant,
    nInputs,
    nLatents,
    k,
    encoder: matrix(1, 1 / Math.sqrt(nInputs)),
    decoder: matrix(2, 1 / Math.sqrt(nInputs)),
    bPre: variant.bDecToInput === false ? zeros(nInputs) : b,
    bEnc: mlsae || variant.activation === 'gated' ? zeros(nLatents) : vector(4),
    bDec: b,
    // some below 0, where ReLU matters
    threshold: vector(5),
    rMag: vector(6),
    bGate: vector(7),
    bMag: vector(8),
    ...(variant.tunedLens && {
      lens: Array.from({ length: nLayers }, (_, l) => ({
        weight: nested(stored(nInputs * nInputs, 100 + 2 * l, 0.4 / Math.sqrt(nInputs)), nInputs),
        bias: vector(101 + 2 * l, 0.2, nInputs),
      })),
    }),
  };
  return write(sae, dtype, mlsae ? Array.from({ length: nLayers }, (_, l) => l) : [layer]);
}

function write(sae: Sae64, dtype: TestDtype, layers: number[]): RandomSae {
  const root = tempFolder();
  const { variant } = sae;
  const { config, names, tensors } = WRITERS[variant.format](sae, layers);
  const folder = variant.format === 'sparsify' ? join(root, `layers.${layers[0]}`) : root;
  const file = (name: string): string => join(folder, name);
  const all: Record<string, TestTensor> = {};
  for (const [name, value] of Object.entries({
    ...tensors,
    ...(variant.tunedLens === 'within' ? lensTensors(sae, 'lens.layer_translators.') : {}),
  }))
    // prettier-ignore
    all[name] = tensor(value, dtype);
  const configFile = writeFile(file(names.config), config);
  const weightsFile = writeTensors(file(names.weights), all);
  const out: RandomSae = { folder, layers, sae, config, configFile, tensors: all, weightsFile };
  if (variant.tunedLens !== 'file') return out;
  const lens = Object.fromEntries(
    Object.entries(lensTensors(sae, '')).map(([name, value]) => [name, tensor(value, dtype)]),
  );
  return { ...out, tunedLens: writeTensors(join(root, 'tuned-lens', 'params.safetensors'), lens) };
}

type Stored = Record<string, number[] | number[][]>;

function tensor(value: number[] | number[][], dtype: TestDtype): TestTensor {
  const first = value[0];
  const shape = Array.isArray(first) ? [value.length, first.length] : [value.length];
  return { shape, data: value.flat(), dtype };
}

const lensTensors = ({ lens = [] }: Sae64, prefix: string): Stored =>
  Object.fromEntries(
    lens.flatMap(({ weight, bias }, l) => [
      [`${prefix}${l}.weight`, weight],
      [`${prefix}${l}.bias`, bias],
    ]),
  );

type Writer = (
  sae: Sae64,
  layers: number[],
) => { config: Record<string, unknown>; names: { config: string; weights: string }; tensors: Stored };

const MLSAE_FILES = { config: 'config.json', weights: 'model.safetensors' };
const mlsaeTensors = ({ encoder, decoder, bPre }: Sae64, prefix: string): Stored => ({
  [`${prefix}encoder.weight`]: encoder,
  [`${prefix}decoder.weight`]: transpose(decoder),
  [`${prefix}pre_encoder_bias`]: bPre,
});

const WRITERS: Record<SaeFormat, Writer> = {
  mlsae: (sae) => ({
    config: {
      n_inputs: sae.nInputs,
      n_latents: sae.nLatents,
      k: sae.k,
      dead_steps_threshold: 10,
      auxk: 8,
      standardize: sae.variant.standardize,
    },
    names: MLSAE_FILES,
    tensors: { ...mlsaeTensors(sae, ''), last_nonzero: zeros(sae.nLatents) },
  }),
  'mlsae-tfm': (sae) => ({
    config: {
      model_name: 'org/random',
      layers: null,
      expansion_factor: sae.nLatents / sae.nInputs,
      k: sae.k,
      standardize: sae.variant.standardize,
      tuned_lens: sae.variant.tunedLens !== undefined,
    },
    names: MLSAE_FILES,
    tensors: {
      'transformer.model.gpt_neox.embed_in.weight': nested(zeros(8), 4),
      ...mlsaeTensors(sae, 'autoencoder.'),
    },
  }),
  saelens: (sae, [layer]) => ({
    config: saelensConfig(sae, layer!),
    names: { config: 'cfg.json', weights: 'sae_weights.safetensors' },
    tensors: {
      W_enc: transpose(sae.encoder),
      W_dec: sae.decoder,
      b_dec: sae.bDec,
      ...(sae.variant.activation === 'gated'
        ? { r_mag: sae.rMag, b_gate: sae.bGate, b_mag: sae.bMag }
        : { b_enc: sae.bEnc }),
      ...(sae.variant.activation === 'jumprelu' && { threshold: sae.threshold }),
    },
  }),
  sparsify: (sae) => ({
    config: {
      activation: 'topk',
      expansion_factor: 32,
      normalize_decoder: true,
      num_latents: sae.nLatents,
      k: sae.k,
      multi_topk: false,
      skip_connection: false,
      transcode: false,
      d_in: sae.nInputs,
    },
    names: { config: 'cfg.json', weights: 'sae.safetensors' },
    tensors: { 'encoder.weight': sae.encoder, 'encoder.bias': sae.bEnc, W_dec: sae.decoder, b_dec: sae.bDec },
  }),
};

/** Before version 6 everything is at the top; since then what it was trained on is in `metadata`. */
function saelensConfig({ variant, nInputs, nLatents, k }: Sae64, layer: number): Record<string, unknown> {
  const common = {
    d_in: nInputs,
    d_sae: nLatents,
    dtype: 'float32',
    apply_b_dec_to_input: variant.bDecToInput ?? true,
    normalize_activations: variant.standardize ? 'layer_norm' : 'none',
  };
  const topk = variant.activation === 'topk';
  if (variant.old) {
    const trained = { model_name: 'random', hook_name: `blocks.${layer + 1}.hook_resid_pre`, hook_layer: layer + 1 };
    const activation = topk
      ? { activation_fn_str: 'topk', activation_fn_kwargs: { k } }
      : { activation_fn_str: 'relu' };
    return { ...common, ...trained, ...activation, architecture: 'standard', finetuning_scaling_factor: false };
  }
  const architecture = variant.activation === 'relu' ? 'standard' : variant.activation;
  const metadata = { model_name: 'random', hook_name: `blocks.${layer}.hook_resid_post`, sae_lens_version: '6.4.0' };
  return { ...common, ...(topk && { k }), architecture, reshape_activations: 'none', metadata };
}
