/** How often each word of a corpus occurs. */

/** GPT-2's words, as the ByteLevel pre-tokenizer of `@huggingface/tokenizers` cuts a text into them. */
export const WORDS = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;

/** UTF-8 bytes of all words that are kept. */
const BYTES = 12_000_000;

export class WordCounts {
  readonly counts = new Map<string, number>();
  private bytes = 0;

  /** @param limit bytes of the words that are kept: where they are more, the rarest are forgotten */
  constructor(private readonly limit = BYTES) {}

  add(text: string): void {
    for (const word of text.match(WORDS) ?? []) {
      const count = this.counts.get(word);
      if (count !== undefined) {
        this.counts.set(word, count + 1);
      } else {
        this.counts.set(ownCopy(word), 1);
        this.bytes += Buffer.byteLength(word);
      }
    }
    if (this.bytes > this.limit) this.forget();
  }

  /** Forgets the words that were seen once, then those seen twice …, until half is free. */
  private forget(): void {
    for (let rare = 1; this.bytes > this.limit / 2; rare++) {
      for (const [word, count] of this.counts) {
        if (count > rare) continue;
        this.counts.delete(word);
        this.bytes -= Buffer.byteLength(word);
      }
    }
  }
}

/** V8 cuts long words out of a text without a copy: such a word would keep the whole text in memory. */
export const ownCopy = (word: string): string =>
  word.length < 13 ? word : Buffer.from(word, 'utf16le').toString('utf16le');
