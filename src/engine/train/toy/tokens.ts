/** A corpus as one row of tokens to train on and one that is held out. */
import * as l10n from '@vscode/l10n';
import { createHash } from 'node:crypto';
import type { Corpus } from '../../../protocol/latents/corpus';
import { InputError } from '../../checkpoint/errors';
import { documents } from '../../mlsae/corpus/documents';
import type { CorpusFile } from '../../mlsae/corpus/files';
import type { Steps } from '../../runtime/types';

/** Tokens of the corpus that are read when nobody says otherwise. */
const MAX_TOKENS = 30_000_000;
/** About one document of so many is held out: always the same ones, whatever else is in the corpus. */
const HELD_OUT = 50;

export interface ToyTokens {
  /** Documents one after another, each begun by BOS. */
  train: Int32Array;
  heldOut: Int32Array;
}

/** Grows as it is written to. */
class Row {
  private values = new Int32Array(1 << 16);
  length = 0;

  push(ids: readonly number[]): void {
    if (this.length + ids.length > this.values.length) {
      const grown = new Int32Array(2 * (this.length + ids.length));
      grown.set(this.values);
      this.values = grown;
    }
    this.values.set(ids, this.length);
    this.length += ids.length;
  }

  done = (): Int32Array => this.values.slice(0, this.length);
}

/**
 * @param length tokens of a sequence: each row has at least one more
 * @throws InputError for a corpus that is too small
 */
export async function toyTokens(
  corpus: Corpus,
  files: CorpusFile[],
  { encode, bosId, length }: { encode: (text: string) => number[]; bosId: number; length: number },
  steps: Steps,
): Promise<ToyTokens> {
  const { maxTokens = MAX_TOKENS } = corpus;
  const total = Math.max(
    1,
    files.reduce((sum, { bytes }) => sum + bytes, 0),
  );
  const [train, heldOut] = [new Row(), new Row()];
  for await (const { text, first, bytes, file, row: line } of documents(files, corpus)) {
    const left = maxTokens - train.length - heldOut.length;
    if (left <= 0) break;
    await steps.step(l10n.t('Tokenizing the corpus'), Math.min(1, Math.max(bytes / total, 1 - left / maxTokens)));
    const ids = encode(text);
    const row = isHeldOut(files[file]!.name, line) ? heldOut : train;
    row.push((first ? [bosId, ...ids] : ids).slice(0, left));
  }
  return split(train.done(), heldOut.done(), length, corpus);
}

/** @param line of the document in its file */
export const isHeldOut = (name: string, line: number): boolean =>
  createHash('sha256').update(`${name}\0${line}`).digest().readUInt32LE() % HELD_OUT === 0;

/** Where too little was held out, the end of the rest is. */
function split(train: Int32Array, heldOut: Int32Array, length: number, { globs }: Corpus): ToyTokens {
  if (heldOut.length > length) return { train, heldOut };
  const all = train.length + heldOut.length;
  const cut = train.length - Math.max(length + 1, Math.floor(train.length / HELD_OUT));
  if (cut <= length)
    throw new InputError(
      l10n.t('{0}: {1} tokens were read, at least {2} were expected.', globs.join(', '), all, 2 * (length + 1)),
    );
  return { train: train.slice(0, cut), heldOut: train.slice(cut) };
}
