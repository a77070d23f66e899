/** Ranges of a text that move with edits. Offsets are UTF-16, as VS Code's. */

export interface OffsetRange {
  start: number;
  end: number;
}

/** `TextDocumentContentChangeEvent`, as far as it matters here. */
export interface TextChange {
  rangeOffset: number;
  rangeLength: number;
  text: string;
}

/** A range after an edit. What is inserted at its very start or end stays outside; what was deleted of it is gone. */
export function moveRange({ start, end }: OffsetRange, { rangeOffset, rangeLength, text }: TextChange): OffsetRange {
  const changeEnd = rangeOffset + rangeLength;
  const delta = text.length - rangeLength;
  if (changeEnd <= start) return { start: start + delta, end: end + delta };
  if (rangeOffset >= end) return { start, end };
  const newEnd = rangeOffset + text.length;
  if (rangeOffset < start) return { start: newEnd, end: Math.max(newEnd, end + delta) };
  return { start, end: changeEnd <= end ? end + delta : rangeOffset };
}

/** The part of a document that was analyzed, and its tokens, through edits. */
export class TrackedRanges {
  private whole: OffsetRange;
  private tokens: OffsetRange[];

  /**
   * @param start offset of `text` in the document
   * @param inText ranges of the tokens in `text`
   */
  constructor(
    start: number,
    private readonly text: string,
    private readonly inText: readonly OffsetRange[],
  ) {
    this.whole = { start, end: start + text.length };
    this.tokens = this.fresh();
  }

  get range(): OffsetRange {
    return this.whole;
  }

  /** Of token `index`; empty when it was deleted or stands for no text. */
  token(index: number): OffsetRange | undefined {
    return this.tokens[index];
  }

  /** The token at an offset: of tokens that share a character the last, which has seen all of it. */
  tokenAt(offset: number): number | undefined {
    const index = this.tokens.findLastIndex(({ start, end }) => start <= offset && offset < end);
    return index < 0 ? undefined : index;
  }

  /** @param changes of one edit, in VS Code's order: each applies to the document that those before it left */
  apply(changes: readonly TextChange[], documentText: (range: OffsetRange) => string): void {
    for (const change of changes) {
      this.whole = moveRange(this.whole, change);
      this.tokens = this.tokens.map((range) => moveRange(range, change));
    }
    const inserted = changes.reduce((sum, { text }) => sum + text.length, 0);
    if (this.isStale(documentText) && inserted > 0) this.find(documentText, inserted);
    // undone: the tokens are where they were, although their edges may have been lost on the way
    if (!this.isStale(documentText)) this.tokens = this.fresh();
  }

  /** What was deleted across an edge and put back lies outside the range: looks for the text close by. */
  private find(documentText: (range: OffsetRange) => string, inserted: number): void {
    const { length } = this.text;
    const reach = length + inserted;
    const from = Math.max(0, this.whole.start - reach);
    const at = documentText({ start: from, end: this.whole.end + reach }).indexOf(this.text);
    if (length > 0 && at >= 0) this.whole = { start: from + at, end: from + at + length };
  }

  /** Whether the document no longer says what was analyzed. */
  isStale(documentText: (range: OffsetRange) => string): boolean {
    return this.whole.end - this.whole.start !== this.text.length || documentText(this.whole) !== this.text;
  }

  private fresh(): OffsetRange[] {
    return this.inText.map(({ start, end }) => ({ start: this.whole.start + start, end: this.whole.start + end }));
  }
}
