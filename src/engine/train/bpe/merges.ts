/** Byte pair encoding: which neighbours become one token, the most frequent first. */
import * as l10n from '@vscode/l10n';
import type { Steps } from '../../runtime/types';
import { Heap } from './heap';

export interface Merges {
  /** Bytes of each token, one character (U+0000–U+00FF) a byte; the first 256 are the bytes themselves. */
  tokens: string[];
  /** Indices of tokens that are merged, in the order in which they were learnt. */
  pairs: [number, number][];
}

/** Two tokens that stand together. */
interface Pair {
  left: number;
  right: number;
  /** Occurrences in the corpus. */
  count: number;
  /** Where they may begin in `symbols`, in order; some are out of date. */
  places: number[];
}

/** In the heap: a pair with its count then, which is never less than it is now. */
interface Candidate {
  pair: Pair;
  count: number;
}

/** Between two words; inside a token. */
const GAP = -1;
const INSIDE = -2;

/** A pair that occurs once says nothing. */
const LEAST = 2;

/**
 * Learns up to `size` tokens beside the bytes; fewer when no pair occurs twice. Of pairs that are as frequent the one with the
 * smaller left bytes, then right bytes, is first. Time grows with the length of the words and the number of merges in them.
 * @param words how often each occurs
 */
export async function learnMerges(words: ReadonlyMap<string, number>, size: number, steps: Steps): Promise<Merges> {
  const learner = new Learner(words);
  let due = 0;
  while (learner.tokens.length < 256 + size && learner.next()) {
    if (performance.now() < due) continue;
    due = performance.now() + 200;
    const learnt = learner.tokens.length - 256;
    await steps.step(l10n.t('Learning a vocabulary: {0} of {1} merges', learnt, size), learnt / size);
  }
  const { tokens, merges } = learner;
  return { tokens, pairs: merges };
}

class Learner {
  readonly tokens = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte));
  readonly merges: [number, number][] = [];
  /** All words, each behind a gap. A token's first and last byte hold its id. */
  private readonly symbols: Int32Array;
  /** How often the word at a place occurs. */
  private readonly weights: Float64Array;
  private readonly wordAt: Int32Array;
  /** By left token, then right token. */
  private readonly pairs: Map<number, Pair>[] = [];
  private readonly heap = new Heap<Candidate>((a, b) => this.isBefore(a, b));

  constructor(words: ReadonlyMap<string, number>) {
    let length = 1;
    for (const word of words.keys()) length += Buffer.byteLength(word) + 1;
    this.symbols = new Int32Array(length).fill(GAP);
    this.wordAt = new Int32Array(length);
    this.weights = Float64Array.from(words.values());
    this.spell(words.keys());
    for (const of of this.pairs) of?.forEach((pair) => this.offer(pair));
  }

  /** Writes the words' bytes, and counts their pairs. */
  private spell(words: Iterable<string>): void {
    let at = 1;
    let index = 0;
    for (const word of words) {
      const bytes = Buffer.from(word);
      this.symbols.set(bytes, at);
      this.wordAt.fill(index, at, at + bytes.length);
      for (let i = 0; i + 1 < bytes.length; i++) this.add(bytes[i]!, bytes[i + 1]!, at + i, this.weights[index]!);
      at += bytes.length + 1;
      index++;
    }
  }

  /** Learns the next merge; false when there is none. */
  next(): boolean {
    const best = this.mostFrequent();
    if (!best) return false;
    const { left, right } = best;
    // no other two tokens have the same bytes together: merges within some bytes do not depend on what is around them
    const merged = this.tokens.push(this.tokens[left]! + this.tokens[right]!) - 1;
    this.merges.push([left, right]);
    // frees its places
    this.pairs[left]!.delete(right);
    const grown = new Set<Pair>();
    for (const place of best.places) this.merge(left, right, merged, place, grown);
    grown.forEach((pair) => this.offer(pair));
    return true;
  }

  private offer(pair: Pair): void {
    if (pair.count >= LEAST) this.heap.push({ pair, count: pair.count });
  }

  private mostFrequent(): Pair | undefined {
    for (;;) {
      const candidate = this.heap.pop();
      if (!candidate) return undefined;
      const { pair, count } = candidate;
      if (pair.count === count) return pair;
      this.offer(pair);
    }
  }

  /** Merges the pair at a place, if it is (still) there. */
  private merge(left: number, right: number, merged: number, place: number, grown: Set<Pair>): void {
    const { symbols, tokens } = this;
    const middle = place + tokens[left]!.length;
    if (symbols[place] !== left || symbols[middle] !== right) return;
    const end = middle + tokens[right]!.length;
    const before = symbols[place - 1]!;
    const after = symbols[end]!;
    const weight = this.weights[this.wordAt[place]!]!;
    symbols[middle - 1] = symbols[middle] = INSIDE;
    symbols[place] = symbols[end - 1] = merged;
    if (before !== GAP) {
      this.take(before, left, weight);
      grown.add(this.add(before, merged, place - tokens[before]!.length, weight));
    }
    if (after !== GAP) {
      this.take(right, after, weight);
      grown.add(this.add(merged, after, place, weight));
    }
  }

  private add(left: number, right: number, place: number, weight: number): Pair {
    const of = (this.pairs[left] ??= new Map<number, Pair>());
    let pair = of.get(right);
    if (!pair) of.set(right, (pair = { left, right, count: 0, places: [] }));
    pair.count += weight;
    pair.places.push(place);
    return pair;
  }

  private take(left: number, right: number, weight: number): void {
    const pair = this.pairs[left]?.get(right);
    if (pair) pair.count -= weight;
  }

  private isBefore(a: Candidate, b: Candidate): boolean {
    if (a.count !== b.count) return a.count > b.count;
    const [first, second] = [this.tokens[a.pair.left]!, this.tokens[b.pair.left]!];
    if (first !== second) return first < second;
    return this.tokens[a.pair.right]! < this.tokens[b.pair.right]!;
  }
}
