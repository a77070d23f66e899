/** A `.safetensors` file as checkpoints have it, and what the engine says of it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Steps } from '../../../src/engine/runtime/types';
import { readTensorFile } from '../../../src/engine/tensors/file';
import { tensorHeatmap } from '../../../src/engine/tensors/heatmap';
import { tensorSummary } from '../../../src/engine/tensors/summary';
import type { TensorHeatmapParams } from '../../../src/protocol/tensors';
import { gaussian, safetensorsBytes, toF16 } from '../../unit/support/files';
import { heatmapKey, type SafetensorsData } from './safetensorsTypes';

const steps: Steps = { step: async () => undefined };
const NAME = 'model-00001-of-00002.safetensors';

/** Heatmaps that the tests look at. */
const QUESTIONS: Omit<TensorHeatmapParams, 'path'>[] = [
  { name: 'h.0.attn.weight', index: [], blocks: 'first' },
  { name: 'h.0.attn.weight', index: [], blocks: 'first', window: { row: 0, rows: 16, column: 0, columns: 48 } },
  { name: 'wte.weight', index: [], blocks: 'first' },
  { name: 'wte.weight', index: [], blocks: 'mean' },
  { name: 'h.0.experts', index: [0], blocks: 'first' },
  { name: 'h.0.experts', index: [2], blocks: 'first' },
  { name: 'h.0.ln.bias', index: [], blocks: 'first' },
  { name: 'broken', index: [], blocks: 'first' },
];

function tensors(): [name: string, dtype: string, shape: number[], data: ArrayBufferView][] {
  const f32 = (count: number, seed: number): Float32Array => Float32Array.from(gaussian(count, seed, 0.1));
  const attention = f32(64 * 192, 1).map((value, i) => value + (i % 192 < 64 && i % 7 === 0 ? 0.4 : 0));
  const broken = f32(20, 9).map((value, i) => (i === 7 ? NaN : i === 8 ? Infinity : value));
  const blocks = Array.from({ length: 12 }, (_, layer): ReturnType<typeof tensors> => [
    [`h.${layer}.attn.weight`, 'F32', [64, 192], layer === 0 ? attention : f32(64 * 192, layer + 10)],
    [`h.${layer}.ln.bias`, 'F32', [64], f32(64, layer + 30)],
    [`h.${layer}.experts`, 'F16', [4, 24, 40], Uint16Array.from(gaussian(4 * 24 * 40, layer + 50), toF16)],
  ]);
  return [
    ['wte.weight', 'F32', [1500, 64], f32(1500 * 64, 2)],
    ...blocks.flat(),
    ['position_ids', 'I64', [1, 24], BigInt64Array.from({ length: 24 }, (_, i) => BigInt(i))],
    ['broken', 'F32', [4, 5], broken],
    ['packed', 'F4', [64, 64], new Uint8Array(2048)],
  ];
}

function write(file: string): void {
  const header: Record<string, object> = { __metadata__: { format: 'pt', note: 'written by <b>a test</b>' } };
  const parts: Uint8Array[] = [];
  let end = 0;
  for (const [name, dtype, shape, { buffer, byteOffset, byteLength }] of tensors()) {
    header[name] = { dtype, shape, data_offsets: [end, (end += byteLength)] };
    parts.push(new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength));
  }
  writeFileSync(file, safetensorsBytes(header, Buffer.concat(parts)));
}

export async function readSafetensorsData(): Promise<SafetensorsData> {
  const folder = mkdtempSync(path.join(tmpdir(), 'circuitscope-'));
  try {
    const file = path.join(folder, NAME);
    write(file);
    const other = 'model-00002-of-00002.safetensors';
    writeFileSync(path.join(folder, other), '');
    writeFileSync(path.join(folder, 'config.json'), '{}');
    writeFileSync(
      path.join(folder, 'model.safetensors.index.json'),
      JSON.stringify({ weight_map: { a: NAME, b: other } }),
    );
    const about = await readTensorFile(file);
    const data: SafetensorsData = {
      file: { ...about, path: `/models/small/${NAME}`, version: 1 },
      ...{ summaries: {}, heatmaps: {}, failures: {} },
    };
    for (const { name } of about.tensors) {
      try {
        data.summaries[name] = await tensorSummary({ path: file, name, all: false }, steps);
      } catch (error) {
        data.failures[name] = (error as Error).message.replace(folder, '/models/small');
      }
    }
    for (const question of QUESTIONS)
      data.heatmaps[heatmapKey(question)] = await tensorHeatmap({ path: file, ...question }, steps);
    return data;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
