/** Long texts to ids, faster than the tokenizer library: each word is looked up once. */
import { characterOf } from '../../checkpoint/tokenBytes';
import { ownCopy, WORDS } from './words';

/** Words that are remembered. */
const WORDS_KEPT = 500_000;
/** Bytes of a word that is looked up here: the time is the square of it. */
const LONGEST = 256;

/** What is read of a tokenizer.json that `tokenizerFiles` wrote. */
export interface BpeModel {
  vocab: Record<string, number>;
  /** `left right`, or `[left, right]` */
  merges: (string | [string, string])[];
}

/**
 * The ids of a text, as the library gives them for a tokenizer of `trainBpe`, except that the name of a special token in the text
 * is text.
 * @param slow the library's own ids, for words without end
 */
export function textEncoder({ vocab, merges }: BpeModel, slow: (word: string) => number[]): (text: string) => number[] {
  const idOf = new Map(Object.entries(vocab));
  const bytes = Array.from({ length: 256 }, (_, byte) => idOf.get(characterOf(byte))!);
  const ranks = new Map<number, { rank: number; id: number }>();
  const key = (left: number, right: number): number => left * idOf.size + right;
  merges.forEach((merge, rank) => {
    const [left, right] = typeof merge === 'string' ? (merge.split(' ') as [string, string]) : merge;
    ranks.set(key(idOf.get(left)!, idOf.get(right)!), { rank, id: idOf.get(left + right)! });
  });
  const encodeWord = (word: string): number[] => {
    const utf8 = Buffer.from(word);
    if (utf8.length > LONGEST) return slow(word);
    const ids = Array.from(utf8, (byte) => bytes[byte]!);
    for (;;) {
      let best = { rank: Infinity, id: 0 };
      let at = 0;
      for (let i = 0; i + 1 < ids.length; i++) {
        const merge = ranks.get(key(ids[i]!, ids[i + 1]!));
        if (merge && merge.rank < best.rank) [best, at] = [merge, i];
      }
      if (best.rank === Infinity) return ids;
      ids.splice(at, 2, best.id);
    }
  };
  let known = new Map<string, number[]>();
  return (text) =>
    (text.match(WORDS) ?? []).flatMap((word) => {
      let ids = known.get(word);
      if (!ids) {
        if (known.size >= WORDS_KEPT) known = new Map<string, number[]>();
        known.set(ownCopy(word), (ids = encodeWord(word)));
      }
      return ids;
    });
}
