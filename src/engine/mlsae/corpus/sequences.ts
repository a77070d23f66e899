/** A corpus as the model reads it: token sequences. */
import * as l10n from '@vscode/l10n';
import type { Corpus } from '../../../protocol/latents/corpus';
import type { Checkpoint, PromptTokenizer } from '../../checkpoint/checkpoint';
import { InputError } from '../../checkpoint/errors';
import { checkIds } from '../../prompt';
import { corpusFiles } from './files';
import type { CorpusFile } from './files';
import { documents, START } from './documents';
import type { FileStart } from './documents';

/** Tokens that are read at once when nobody says otherwise. */
const CONTEXT = 512;

/** How far a corpus was read. */
export interface Cursor {
  /** The file that is being read. */
  file: FileStart;
  /** Next part of the corpus, and its next token. */
  part: number;
  start: number;
  /** Tokens of the parts before it; only those that were tokenized. */
  tokens: number;
}

/** What the model reads at once: a piece of a text. */
export interface Sequence {
  /** With what the tokenizer puts before every text (BOS). */
  ids: number[];
  /** Number of the part in the corpus, and of the part's tokens before this piece (BOS not counted). */
  part: number;
  start: number;
  /** It begins a document. */
  first: boolean;
  /** Index of the file; line or row in it, from 1 (0 for a file that is one text). */
  file: number;
  row: number;
  /** How far the corpus is read with this one, and about how many bytes that is. */
  next: Cursor;
  bytes: number;
}

export interface SequenceOptions {
  /** Of `corpusFiles`, if they are known. */
  files?: CorpusFile[];
  from?: Cursor;
  /** Only these parts of the corpus. */
  wants?: (part: number) => boolean;
  /** Told of files that are skipped. */
  notice?: (message: string) => void;
  /** Awaited before every part: long work can be cancelled here. */
  tick?: () => Promise<void>;
  /** Token ids of a part's text, where they may be known already; `encode` tokenizes it. */
  idsOf?: (part: number, encode: () => number[]) => number[];
}

/**
 * Tokens that the model reads at once: `corpus.context`, else its own context but at most 512.
 * @throws InputError for one that it cannot read
 */
export function contextOf({ context }: Corpus, { name, description: { nCtx } }: Checkpoint): number {
  if (context === undefined) return Math.min(nCtx, CONTEXT);
  if (!Number.isInteger(context) || context < 2 || context > nCtx)
    throw new InputError(l10n.t('context: found {0}; {1} reads 2 to {2} tokens at once.', String(context), name, nCtx));
  return context;
}

/**
 * Token sequences of a corpus. Every part of a text (see `documents`) is tokenized by itself and cut into pieces of at most
 * `contextOf` tokens, each with the tokenizer's own BOS. Of the whole corpus `maxTokens` tokens are given: the sequence that
 * reaches them is cut. Streamed: memory does not grow with the corpus.
 * @throws InputError for a checkpoint without a tokenizer, and what `documents` throws
 */
export async function* sequences(
  corpus: Corpus,
  checkpoint: Checkpoint,
  options: SequenceOptions = {},
): AsyncGenerator<Sequence> {
  const { tokenizer, name } = checkpoint;
  if (!tokenizer) throw new InputError(l10n.t('{0} has no tokenizer: it cannot read texts.', name));
  const { from = { file: START, part: 0, start: 0, tokens: 0 }, wants = () => true, notice, tick } = options;
  const { idsOf = (_part, encode) => encode() } = options;
  const { maxTokens = Infinity } = corpus;
  const files = options.files ?? (await corpusFiles(corpus));
  const pieces = piecesOf(tokenizer, contextOf(corpus, checkpoint));
  let { tokens } = from;
  for await (const text of documents(files, corpus, { from: from.file, notice })) {
    await tick?.();
    const { part, file, row, first, bytes } = text;
    if (part < from.part || (maxTokens === Infinity && !wants(part))) continue;
    const before = tokens;
    const all = idsOf(part, () => tokenizer.encode(text.text).map(({ id }) => id));
    for (const { ids, start, end, special } of pieces(all)) {
      const left = maxTokens - tokens;
      if (left <= special) return;
      const kept = ids.length > left ? ids.slice(0, left) : ids;
      tokens += kept.length;
      checkIds(checkpoint, kept);
      const done = part === from.part && start < from.start;
      const next = { file: text.fileStart, part, start: end, tokens: before };
      if (wants(part) && !done) yield { ids: kept, part, start, first: first && start === 0, file, row, bytes, next };
    }
  }
}

/** @throws InputError for a corpus without a single token */
export async function checkText(corpus: Corpus, checkpoint: Checkpoint, files: CorpusFile[]): Promise<void> {
  const all = sequences(corpus, checkpoint, { files });
  const { done } = await all.next();
  await all.return(undefined);
  if (!done) return;
  throw new InputError(l10n.t('{0}: the texts are empty.', corpus.globs.join(', ')));
}

interface Piece {
  ids: number[];
  /** Tokens of the text, from `start` to before `end`. */
  start: number;
  end: number;
  /** Number of BOS tokens and their like. */
  special: number;
}

/** Cuts the tokens of a text. What the tokenizer puts before every text begins every piece, what it puts behind ends the last. */
function piecesOf(tokenizer: PromptTokenizer, context: number): (all: number[]) => Generator<Piece> {
  const around = tokenizer.encode('a').map(({ id }) => (tokenizer.specialIds?.has(id) ? id : undefined));
  const inner = around.indexOf(undefined);
  // of a tokenizer that has no token for `a` it is not known
  const isKnown = inner >= 0;
  const before = isKnown ? around.slice(0, inner).map(Number) : [];
  const after = isKnown ? around.slice(around.lastIndexOf(undefined) + 1).map(Number) : [];
  const room = Math.max(1, context - before.length - after.length);
  return function* (all) {
    const ids = all.slice(before.length, all.length - after.length);
    for (let start = 0; start < ids.length; start += room) {
      const end = Math.min(ids.length, start + room);
      const last = end === ids.length ? after : [];
      yield { ids: [...before, ...ids.slice(start, end), ...last], start, end, special: before.length };
    }
  };
}
