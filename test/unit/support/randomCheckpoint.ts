/** Tiny checkpoints with seeded random weights, written as real Hugging Face folders. */
import { join } from 'node:path';
import { randomTensor, rounded, tempFolder, writeFile, writeTensors, type TestDtype, type TestTensor } from './files';
import type { Config, Weights } from './naive/pass';

export interface Variant {
  name: string;
  /** config.json */
  config: Config;
  /** Shape of every weight by stored name. */
  shapes: Record<string, number[]>;
  /** Stored buffers and other tensors that change nothing; they come first in the file. */
  extras?: Record<string, TestTensor>;
  /** Default F32. */
  dtype?: TestDtype | ((tensor: string) => TestDtype);
  /** More than 1: model-0000i-of-0000n.safetensors and model.safetensors.index.json. */
  shards?: number;
  /** Standard deviation of the embedding; small where the norm's eps is to be seen. */
  embedding?: number;
  /** How many tokens are run; default 9. */
  nTokens?: number;
}

export interface RandomCheckpoint {
  folder: string;
  config: Config;
  /** Exactly the stored values. */
  weights: Weights;
}

export function writeRandomCheckpoint(variant: Variant): RandomCheckpoint {
  const { config, shapes, extras = {}, dtype = 'F32', shards = 1 } = variant;
  const folder = tempFolder();
  const tensors: Record<string, TestTensor> = { ...extras };
  const weights = new Map<string, { shape: number[]; data: Float64Array }>();
  Object.entries(shapes).forEach(([name, shape], seed) => {
    const stored = typeof dtype === 'string' ? dtype : dtype(name);
    const tensor = randomWeight(name, shape, seed + 1, variant.embedding ?? 1);
    tensors[name] = { ...tensor, dtype: stored };
    weights.set(name, { shape, data: rounded(tensor.data, stored) });
  });
  writeFile(join(folder, 'config.json'), config);
  if (shards === 1) writeTensors(join(folder, 'model.safetensors'), tensors);
  else writeShards(folder, tensors, shards);
  return { folder, config, weights };
}

/** Sizes as after training: norms' gains around 1, matrices that neither blow up nor vanish. */
function randomWeight(name: string, shape: number[], seed: number, embedding: number): TestTensor {
  if (/\b(wte|wpe|embed_in|embed_tokens|W_E|W_pos)\b/.test(name)) return randomTensor(shape, seed, embedding);
  if (/\.b_[QKVOU]$/.test(name)) return randomTensor(shape, seed, 0.3);
  if (shape.length > 1) return randomTensor(shape, seed, 1.5 / Math.sqrt(Math.min(...shape.slice(-2))));
  const small = randomTensor(shape, seed, 0.3);
  return /bias$|\.b$/.test(name) ? small : { shape, data: Array.from(small.data, (value) => 1 + value) };
}

function writeShards(folder: string, tensors: Record<string, TestTensor>, shards: number): void {
  const weightMap: Record<string, string> = {};
  for (let s = 0; s < shards; s++) {
    const number = (n: number): string => String(n).padStart(5, '0');
    const file = `model-${number(s + 1)}-of-${number(shards)}.safetensors`;
    // dealt out like cards, so that the parts of one layer lie in different files
    const part = Object.entries(tensors).filter((_, i) => i % shards === s);
    writeTensors(join(folder, file), Object.fromEntries(part));
    for (const [name] of part) weightMap[name] = file;
  }
  writeFile(join(folder, 'model.safetensors.index.json'), { metadata: { total_size: 0 }, weight_map: weightMap });
}
