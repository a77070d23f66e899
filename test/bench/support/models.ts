import { copyFileSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { writeSafetensors } from '../../../src/engine/checkpoint/safetensors';

export interface Shape {
  dModel: number;
  nLayers: number;
  nHeads: number;
  dVocab: number;
  nCtx: number;
}
export const GPT2_SMALL: Shape = { dModel: 768, nLayers: 12, nHeads: 12, dVocab: 50257, nCtx: 1024 };
/** Pythia-70m's shape with the vocabulary of the samples, whose tokenizer it takes: no sweep unembeds. */
export const PYTHIA_70M: Shape = { dModel: 512, nLayers: 6, nHeads: 8, dVocab: 4096, nCtx: 2048 };

export const idsOf = (n: number, dVocab = GPT2_SMALL.dVocab): number[] =>
  Array.from({ length: n }, (_, i) => (i * 7919) % dVocab);

/** A folder that is gone when this process ends. */
export function scratchFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'circuitscope-bench-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Made once for all measurements of one `npm run bench`, which names the folder; else for this process. */
async function made(name: string, write: (folder: string) => Promise<void>): Promise<string> {
  const shared = process.env['CIRCUITSCOPE_BENCH_MODELS'];
  const folder = path.join(shared ?? scratchFolder(), name);
  if (existsSync(folder)) return folder;
  const draft = `${folder}.${process.pid}`;
  mkdirSync(draft, { recursive: true });
  await write(draft);
  renameSync(draft, folder);
  return folder;
}

/** mulberry32, −1 to 1 */
export function uniform(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 31 - 1;
  };
}

/** Uniform with standard deviation 0.02, as GPT-2 begins; gains of norms are 1. */
async function writeRandom(folder: string, shapes: Record<string, number[]>): Promise<void> {
  const random = uniform(1);
  const fill = (name: string, shape: number[]): Float32Array => {
    const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
    return /(ln_\w+|layernorm|layer_norm)\.weight$/.test(name) ? data.fill(1) : data.map(() => 0.0346 * random());
  };
  const tensors = Object.entries(shapes).map(([name, shape]) => [name, { shape, data: fill(name, shape) }] as const);
  await writeSafetensors(path.join(folder, 'model.safetensors'), Object.fromEntries(tensors));
}

const affine = (name: string, ...shape: number[]): Record<string, number[]> => ({
  [`${name}.weight`]: shape,
  [`${name}.bias`]: [shape.at(-1)!],
});

/** A checkpoint of GPT-2's architecture with random weights (GPT-2 small's shape: 498 MB of F32). */
export function writeGpt2({ dModel: d, nLayers, nHeads, dVocab, nCtx }: Shape = GPT2_SMALL): Promise<string> {
  return made(`gpt2-${d}-${nLayers}-${nHeads}-${dVocab}-${nCtx}`, async (folder) => {
    const blocks = Array.from({ length: nLayers }, (_, layer) => ({
      ...affine(`h.${layer}.ln_1`, d),
      ...affine(`h.${layer}.attn.c_attn`, d, 3 * d),
      ...affine(`h.${layer}.attn.c_proj`, d, d),
      ...affine(`h.${layer}.ln_2`, d),
      ...affine(`h.${layer}.mlp.c_fc`, d, 4 * d),
      ...affine(`h.${layer}.mlp.c_proj`, 4 * d, d),
    }));
    const embeddings = { 'wte.weight': [dVocab, d], 'wpe.weight': [nCtx, d] };
    await writeRandom(folder, Object.assign(embeddings, ...blocks, affine('ln_f', d)) as Record<string, number[]>);
    const config = {
      model_type: 'gpt2',
      n_head: nHeads,
      n_layer: nLayers,
      n_embd: d,
      n_positions: nCtx,
      vocab_size: dVocab,
    };
    writeFileSync(path.join(folder, 'config.json'), JSON.stringify(config));
  });
}

/** A checkpoint of GPT-NeoX's architecture with random weights and the samples' tokenizer. */
export function writeNeox({ dModel: d, nLayers, nHeads, dVocab, nCtx }: Shape = PYTHIA_70M): Promise<string> {
  return made(`neox-${d}-${nLayers}-${nHeads}-${dVocab}-${nCtx}`, async (folder) => {
    // stored as [out, in]
    const matrix = (name: string, from: number, to: number): Record<string, number[]> => ({
      [`${name}.weight`]: [to, from],
      [`${name}.bias`]: [to],
    });
    const blocks = Array.from({ length: nLayers }, (_, layer) => {
      const at = `gpt_neox.layers.${layer}`;
      return {
        ...affine(`${at}.input_layernorm`, d),
        ...matrix(`${at}.attention.query_key_value`, d, 3 * d),
        ...matrix(`${at}.attention.dense`, d, d),
        ...affine(`${at}.post_attention_layernorm`, d),
        ...matrix(`${at}.mlp.dense_h_to_4h`, d, 4 * d),
        ...matrix(`${at}.mlp.dense_4h_to_h`, 4 * d, d),
      };
    });
    const ends = { 'gpt_neox.embed_in.weight': [dVocab, d], 'embed_out.weight': [dVocab, d] };
    const norm = affine('gpt_neox.final_layer_norm', d);
    await writeRandom(folder, Object.assign(ends, ...blocks, norm) as Record<string, number[]>);
    const config = {
      model_type: 'gpt_neox',
      hidden_size: d,
      intermediate_size: 4 * d,
      num_hidden_layers: nLayers,
      num_attention_heads: nHeads,
      vocab_size: dVocab,
      max_position_embeddings: nCtx,
      rotary_pct: 0.25,
      rotary_emb_base: 10000,
      hidden_act: 'gelu',
      layer_norm_eps: 1e-5,
      use_parallel_residual: true,
      tie_word_embeddings: false,
    };
    writeFileSync(path.join(folder, 'config.json'), JSON.stringify(config));
    for (const file of ['tokenizer.json', 'tokenizer_config.json', 'special_tokens_map.json'])
      copyFileSync(path.resolve('samples', 'neox-6l', file), path.join(folder, file));
  });
}

/** A TopK autoencoder in the format of the MLSAE paper's code, with random weights. */
export function writeMlsae(nInputs: number, nLatents: number, k: number): Promise<string> {
  return made(`mlsae-${nInputs}-${nLatents}-${k}`, async (folder) => {
    const config = { n_inputs: nInputs, n_latents: nLatents, k, standardize: true };
    writeFileSync(path.join(folder, 'config.json'), JSON.stringify(config));
    await writeRandom(folder, {
      'encoder.weight': [nLatents, nInputs],
      'decoder.weight': [nInputs, nLatents],
      pre_encoder_bias: [nInputs],
    });
  });
}
