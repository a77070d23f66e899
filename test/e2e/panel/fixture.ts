/** Reads the reference activations for the fake host. */
import { Tokenizer } from '@huggingface/tokenizers';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Prediction } from '../../../src/protocol/analysis';
import type { Fixture } from './types';

interface Reference {
  prompts: { text: string; ids: number[]; loss_per_token: number[] }[];
}
interface TensorEntry {
  data_offsets: [number, number];
}

/** Prompt 0 of the reference of `attn-only-2l`. `root`: of the repository. */
export function referenceFixture(root: string): Fixture {
  const folder = path.join(root, 'test/fixtures/reference/attn-only-2l');
  const json = (file: string): unknown => JSON.parse(readFileSync(file, 'utf8'));
  const reference = json(path.join(folder, 'reference.json')) as Reference;
  const { text, ids, loss_per_token } = reference.prompts[0]!;
  const sample = path.join(root, 'samples/attn-only-2l');
  const tokenizer = new Tokenizer(
    json(path.join(sample, 'tokenizer.json')) as object,
    json(path.join(sample, 'tokenizer_config.json')) as object,
  );
  const textOf = (id: number): string => tokenizer.decode([id], { skip_special_tokens: false });
  let at = 0;
  const tokens = ids.map((id) => {
    const start = at;
    at += textOf(id).length;
    return { id, text: text.slice(start, at), start, end: at };
  });
  const file = readFileSync(path.join(folder, 'reference.safetensors'));
  const headerEnd = 8 + Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.toString('utf8', 8, headerEnd)) as Record<string, TensorEntry>;
  const tensor = (name: string): Buffer => {
    const [from, to] = header[name]!.data_offsets;
    return file.subarray(headerEnd + from, headerEnd + to);
  };
  const layers = [0, 1].map((layer) => tensor(`prompt.0.blocks.${layer}.attn.hook_pattern`));
  return {
    text,
    tokens,
    nLayers: 2,
    nHeads: 8,
    patterns: Buffer.concat(layers).toString('base64'),
    surprisal: [0, ...loss_per_token.map((nats) => nats / Math.LN2)],
    predictions: predictionsOf(tensor('prompt.0.logits'), ids.length, textOf),
  };
}

/** The five most probable next tokens of every position, by softmax of float32 logits `[pos, vocab]`. */
function predictionsOf(bytes: Buffer, positions: number, textOf: (id: number) => string): Prediction[][] {
  const vocab = bytes.length / 4 / positions;
  return Array.from({ length: positions }, (_, position) => {
    const row = Array.from({ length: vocab }, (_, id) => bytes.readFloatLE((position * vocab + id) * 4));
    const top = Math.max(...row);
    const total = row.reduce((sum, logit) => sum + Math.exp(logit - top), 0);
    return row
      .map((logit, id) => ({ id, p: Math.exp(logit - top) / total }))
      .sort((a, b) => b.p - a.p)
      .slice(0, 5)
      .map(({ id, p }) => ({ id, p, text: textOf(id) }));
  });
}
