/** Latents of the reference of `mlsae-neox-6l-x16-k16` on its prompts for the fake host of the latents panel. */
import { Tokenizer } from '@huggingface/tokenizers';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { LatentsFixture, ReferenceLatents } from './latentsTypes';

interface Reference {
  prompts: { text: string; ids: number[] }[];
}
type Header = Record<string, { data_offsets: [number, number]; shape: number[] }>;

/** `root`: of the repository. */
export function latentsFixture(root: string): LatentsFixture {
  const folder = path.join(root, 'test/fixtures/reference/mlsae-neox-6l-x16-k16');
  const json = (file: string): unknown => JSON.parse(readFileSync(file, 'utf8'));
  const { text, ids } = (json(path.join(folder, 'reference.json')) as Reference).prompts[0]!;
  const sample = path.join(root, 'samples/neox-6l');
  const tokenizer = new Tokenizer(
    json(path.join(sample, 'tokenizer.json')) as object,
    json(path.join(sample, 'tokenizer_config.json')) as object,
  );
  let at = 0;
  const tokens = ids.map((id) => {
    const start = at;
    at += tokenizer.decode([id], { skip_special_tokens: false }).length;
    return { id, text: text.slice(start, at), start, end: at };
  });
  const file = readFileSync(path.join(folder, 'reference.safetensors'));
  const headerEnd = 8 + Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.toString('utf8', 8, headerEnd)) as Header;
  const base64 = (name: string): string => {
    const [from, to] = header[name]!.data_offsets;
    return file.subarray(headerEnd + from, headerEnd + to).toString('base64');
  };
  const of = (prompt: number): ReferenceLatents => ({
    nTokens: header[`prompt.${prompt}.topk_values`]!.shape[1]!,
    indices: base64(`prompt.${prompt}.topk_indices`),
    values: base64(`prompt.${prompt}.topk_values`),
  });
  const [nLayers = 0, , k = 0] = header['prompt.0.topk_values']!.shape;
  return { prompt: { text, tokens }, nLayers, k, nLatents: 3072, latents: of(0), corpus: of(1) };
}
