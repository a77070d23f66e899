/** Corpora for models that have no tokenizer, and what an autoencoder does on them in float64. */
import assert from 'node:assert/strict';
import { copyFileSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PromptTokenizer } from '../../../src/engine/checkpoint/checkpoint';
import type { OpenSae } from '../../../src/engine/mlsae/types';
import type { Corpus } from '../../../src/protocol/latents/corpus';
import { residual64, type RandomOpenSae } from './effects';
import { ROOT, tempFolder, writeFile } from './files';
import type { Matrix } from './naive/math';
import { encode64 } from './randomSae';

const BOS = 20;

/** A letter is a token, 0 to 19 and again from 0. */
export const letters: PromptTokenizer = {
  encode: (text) => [...text].map((c, start) => ({ id: (c.charCodeAt(0) - 97) % BOS, text: c, start, end: start + 1 })),
  tokenText: (id) => (id === BOS ? '<s>' : String.fromCharCode(97 + id)),
};

/** With a token before every text. */
export const lettersWithBos: PromptTokenizer = {
  ...letters,
  encode: (text) => [{ id: BOS, text: '<s>', start: 0, end: 0, special: true }, ...letters.encode(text)],
  specialIds: new Set([BOS]),
};

export const withTokenizer = (open: OpenSae, tokenizer: PromptTokenizer): OpenSae => ({
  ...open,
  model: { ...open.model, checkpoint: { ...open.model.checkpoint, tokenizer } },
});

/** Each text in a file of its own: `0.txt`, `1.txt` … (at most ten). */
export function corpusOf(texts: string[], context?: number): Corpus {
  const folder = tempFolder();
  texts.forEach((text, i) => writeFile(join(folder, `${i}.txt`), text));
  return { folder, globs: ['*.txt'], ...(context !== undefined && { context }) };
}

/** A sequence, and what the autoencoder does with it at each of its layers. */
export interface Encoded64 {
  ids: number[];
  /** `[layer][token][input]` */
  resid: Matrix[];
  recons: Matrix[];
  /** `[layer][token][latent]` */
  z: Matrix[];
}

export function encodeCorpus64({ open, sae, forward }: RandomOpenSae, sequences: number[][]): Encoded64[] {
  return sequences.map((ids) => {
    const hooks = forward(ids);
    const resid = open.sae.layers.map((layer) => residual64(hooks, layer));
    const encoded = open.sae.layers.map((layer, l) => encode64(sae, resid[l]!, layer));
    return { ids, resid, recons: encoded.map(({ recons }) => recons), z: encoded.map(({ z }) => z) };
  });
}

/** What `sweep` and `merge` leave in a folder. */
export const left = (dir: string): Record<string, string> =>
  Object.fromEntries(readdirSync(dir).map((name) => [name, readFileSync(join(dir, name)).toString('base64')]));

/** Fails with the person's sentence. */
export const refuses = (work: Promise<unknown>, message: RegExp): Promise<void> =>
  assert.rejects(work, (error: Error) => {
    assert.equal(error.name, 'InputError', error.stack);
    assert.match(error.message, message);
    assert.ok(!error.message.includes('\n'));
    return true;
  });

/** A corpus of source code, with lines of JSON and a text that is there twice. */
export function writeSmallCorpus(): Corpus {
  const folder = tempFolder();
  const files = ['engine/memory.ts', 'engine/serial.ts', 'engine/token.ts', 'engine/errors.ts', 'engine/describe.ts'];
  for (const file of files) copyFileSync(join(ROOT, 'src', file), join(folder, file.replace('/', '-')));
  writeFile(join(folder, 'long.txt'), readFileSync(join(folder, 'engine-errors.ts'), 'utf8'));
  const lines = ['const a = 1;', 'let b = 2;', ''].map((text) => JSON.stringify({ text }));
  writeFile(join(folder, 'lines.jsonl'), lines.join('\n'));
  return { folder, globs: ['*'], context: 128 };
}
