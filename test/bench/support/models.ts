import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { writeSafetensors } from '../../src/engine/checkpoint/safetensors';

export const GPT2_SMALL = { dModel: 768, nLayers: 12, nHeads: 12, dVocab: 50257, nCtx: 1024 };

/** Writes a checkpoint of GPT-2 small's shape with random weights (498 MB of F32) to a temporary folder; gone at exit. */
export async function writeGpt2Small(): Promise<string> {
  const { dModel: d, nLayers, dVocab, nCtx } = GPT2_SMALL;
  const shapes: Record<string, number[]> = { 'wte.weight': [dVocab, d], 'wpe.weight': [nCtx, d] };
  const norm = (name: string): void => void Object.assign(shapes, { [`${name}.weight`]: [d], [`${name}.bias`]: [d] });
  const conv = (name: string, from: number, to: number): void =>
    void Object.assign(shapes, { [`${name}.weight`]: [from, to], [`${name}.bias`]: [to] });
  for (let layer = 0; layer < nLayers; layer++) {
    const h = `h.${layer}`;
    norm(`${h}.ln_1`);
    conv(`${h}.attn.c_attn`, d, 3 * d);
    conv(`${h}.attn.c_proj`, d, d);
    norm(`${h}.ln_2`);
    conv(`${h}.mlp.c_fc`, d, 4 * d);
    conv(`${h}.mlp.c_proj`, 4 * d, d);
  }
  norm('ln_f');
  const folder = mkdtempSync(path.join(tmpdir(), 'circuitscope-gpt2-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const random = uniform(1);
  const fill = (name: string, shape: number[]): Float32Array => {
    const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
    const isGain = /ln_\w+\.weight$/.test(name);
    // standard deviation 0.02, as GPT-2 begins
    return isGain ? data.fill(1) : data.map(() => 0.0693 * (random() - 0.5));
  };
  const tensors = Object.entries(shapes).map(([name, shape]) => [name, { shape, data: fill(name, shape) }] as const);
  await writeSafetensors(path.join(folder, 'model.safetensors'), Object.fromEntries(tensors));
  writeFileSync(path.join(folder, 'config.json'), JSON.stringify({ model_type: 'gpt2' }));
  return folder;
}

/** mulberry32 */
function uniform(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
