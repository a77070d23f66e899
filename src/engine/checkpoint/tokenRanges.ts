/**
 * Which characters of the prompt each token stands for. The tokenizer library tells no offsets, so the bytes of the
 * tokens are walked along the prompt. Where both are the same text this is exact. Where the tokenizer normalised the
 * prompt, a piece of the prompt is also tried in its normalised forms; what still differs is skipped, and nothing of
 * the prompt is left without a token.
 */

export interface TokenRange {
  /** UTF-16 offsets into the prompt. */
  start: number;
  end: number;
  /** The token stands for whole characters, so the prompt's slice is its text. */
  whole: boolean;
}

/** Bytes of one token; undefined when the token says nothing about its text (`<unk>`). */
export type TokenBytes = Uint8Array | undefined;

/** How far a token is looked for ahead of where the prompt and the tokens parted, in characters. */
const LOOK_AHEAD = 64;
/** Bytes that must agree to take up the walk again. */
const ANCHOR = 6;
const SPACE = 0x20;

const encoder = new TextEncoder();

/** A base with its combining marks, or the jamo of a Hangul syllable: what Unicode normalisation composes or takes apart. */
const CLUSTER = /(?:[\u1100-\u115f][\u1160-\u11a7]?[\u11a8-\u11ff]?|[\uac00-\ud7a3][\u11a8-\u11ff]?|[^])\p{M}*/uy;

/**
 * Ranges are monotone and together cover the prompt. Tokens that share a character all have its range. Tokens that
 * stand for nothing in the prompt (a space that the tokenizer put in front) have an empty range.
 * @param normalize the tokenizer's normaliser, `▁` given as a space and what it puts in front of every text left out
 */
export function tokenRanges(
  prompt: string,
  tokens: TokenBytes[],
  normalize: (text: string) => string = (text) => text,
): TokenRange[] {
  const walk = new Walk(prompt, tokens, normalize);
  walk.run();
  return cover(walk.ranges(), prompt);
}

/** So many UTF-16 units of the prompt are so many bytes of the tokens: 0 bytes, dropped; 0 units, put in by the tokenizer. */
interface Step {
  units: number;
  bytes: number;
}

/** What a piece of the prompt may have become. */
interface Forms {
  texts: Uint8Array[];
  /** It may be gone: the normaliser removes it, or it is white space that words are split at. */
  dropped: boolean;
}

/** A range that is still unknown has `start` -1. */
class Walk {
  /** All bytes of all tokens in a row; token t has `first[t]` to `first[t + 1]`. */
  private readonly stream: Uint8Array;
  private readonly first: Int32Array;
  /** Of each byte of the stream: the piece of the prompt that it belongs to (-1: none) … */
  private readonly from: Int32Array;
  private readonly to: Int32Array;
  /** … and whether it is the piece's first (1), last (2), both (3) or neither. */
  private readonly edge: Uint8Array;
  private readonly forms = new Map<string, Forms>();

  constructor(
    private readonly prompt: string,
    private readonly tokens: TokenBytes[],
    private readonly normalize: (text: string) => string,
  ) {
    this.first = new Int32Array(tokens.length + 1);
    tokens.forEach((bytes, t) => (this.first[t + 1] = this.first[t]! + (bytes?.length ?? 0)));
    const length = this.first[tokens.length]!;
    this.stream = new Uint8Array(length);
    tokens.forEach((bytes, t) => bytes && this.stream.set(bytes, this.first[t]!));
    this.from = new Int32Array(length).fill(-1);
    this.to = new Int32Array(length).fill(-1);
    this.edge = new Uint8Array(length);
  }

  run(): void {
    let at = 0;
    let byte = 0;
    let token = 0;
    while (at < this.prompt.length && byte < this.stream.length) {
      const step = this.step(at, byte);
      if (step) {
        if (step.units > 0 && step.bytes > 0) this.take(byte, step.bytes, at, at + step.units);
        else if (step.units > 0) this.drop(byte, at, at + step.units);
        at += step.units;
        byte += step.bytes;
      } else {
        while (this.first[token + 1]! <= byte) token++;
        const found = this.lookAhead(at, byte);
        if (found >= 0) at = found;
        else byte = this.first[token + 1]!; // nowhere near: this token gets what lies before the next one
      }
    }
  }

  ranges(): TokenRange[] {
    return this.tokens.map((_, t) => {
      let a = this.first[t]!;
      let b = this.first[t + 1]! - 1;
      while (a <= b && this.from[a] === -1) a++;
      while (b >= a && this.from[b] === -1) b--;
      if (a > b) return { start: -1, end: -1, whole: true };
      const whole = (this.edge[a]! & 1) !== 0 && (this.edge[b]! & 2) !== 0;
      return { start: this.from[a]!, end: this.to[b]!, whole };
    });
  }

  private take(byte: number, length: number, start: number, end: number): void {
    this.from.fill(start, byte, byte + length);
    this.to.fill(end, byte, byte + length);
    this.edge[byte]! |= 1;
    this.edge[byte + length - 1]! |= 2;
  }

  /** A dropped mark goes with what stands before it; white space is left to the token after it. */
  private drop(byte: number, start: number, end: number): void {
    const isSpace = this.prompt.slice(start, end).trim() === '';
    if (!isSpace && byte > 0 && this.to[byte - 1] === start) this.to[byte - 1] = end;
  }

  /** How prompt and stream go on together; undefined: they differ here. */
  private step(at: number, byte: number): Step | undefined {
    const exact = this.exactLength(at, byte);
    if (exact > 0) {
      const put = this.stream[byte] === SPACE ? this.spacesPutBefore(at, byte) : 0;
      return put > 0 ? { units: 0, bytes: put } : { units: unitsAt(this.prompt, at), bytes: exact };
    }
    const piece = this.pieceAt(at);
    const { texts, dropped } = this.formsOf(piece);
    const form = texts.find((bytes) => startsWith(this.stream, byte, bytes));
    if (form) return { units: piece.length, bytes: form.length };
    if (this.stream[byte] === SPACE) return { units: 0, bytes: 1 };
    return dropped ? { units: piece.length, bytes: 0 } : undefined;
  }

  /** Where both have a run of spaces and the tokens' is longer, the tokenizer put the surplus in front. */
  private spacesPutBefore(at: number, byte: number): number {
    if (at > 0 && isBlank(this.prompt[at - 1])) return 0;
    let put = 0;
    while (this.stream[byte + put] === SPACE) put++;
    for (let i = at; isBlank(this.prompt[i]) && put > 0; i++) put--;
    return put;
  }

  /** UTF-8 bytes of the prompt's character at `at` if the stream has them at `byte`, else 0. */
  private exactLength(at: number, byte: number): number {
    const { stream } = this;
    const code = this.prompt.codePointAt(at)!;
    if (code < 0x80) return stream[byte] === code ? 1 : 0;
    const length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    let rest = code;
    for (let i = length - 1; i > 0; i--) {
      if (stream[byte + i] !== (0x80 | (rest & 0x3f))) return 0;
      rest >>= 6;
    }
    return stream[byte] === (LEAD[length]! | rest) ? length : 0;
  }

  private pieceAt(at: number): string {
    CLUSTER.lastIndex = at;
    return CLUSTER.exec(this.prompt)?.[0] ?? this.prompt.slice(at, at + unitsAt(this.prompt, at));
  }

  private formsOf(piece: string): Forms {
    let forms = this.forms.get(piece);
    if (!forms) {
      const normal = this.normalize(piece);
      const texts = [normal, normal.trim(), piece.replaceAll('▁', ' ')];
      texts.push(...['NFC', 'NFD', 'NFKC', 'NFKD'].map((form) => piece.normalize(form)), piece.toLowerCase());
      forms = {
        texts: [...new Set(texts)].filter((text) => text !== '').map((text) => encoder.encode(text)),
        dropped: piece.trim() === '' || normal.trim() === '',
      };
      this.forms.set(piece, forms);
    }
    return forms;
  }

  /** The nearest later place in the prompt where the stream goes on; -1: none near. */
  private lookAhead(at: number, byte: number): number {
    let place = at;
    for (let i = 0; i < LOOK_AHEAD && place < this.prompt.length; i++) {
      place += this.pieceAt(place).length;
      if (this.agrees(place, byte)) return place;
    }
    return -1;
  }

  private agrees(at: number, byte: number): boolean {
    const end = Math.min(byte + ANCHOR, this.stream.length);
    while (byte < end) {
      const step = at < this.prompt.length ? this.step(at, byte) : undefined;
      if (!step) return false;
      at += step.units;
      byte += step.bytes;
    }
    return true;
  }
}

/** White space within a line, which normalisers turn into spaces; a tab is kept. */
const isBlank = (char: string | undefined): boolean => char !== undefined && /[^\S\r\n\t]/.test(char);

/** Lead byte of a character of so many bytes. */
const LEAD = [0, 0, 0xc0, 0xe0, 0xf0];

const unitsAt = (text: string, at: number): number => (text.codePointAt(at)! > 0xffff ? 2 : 1);

function startsWith(stream: Uint8Array, at: number, bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) if (stream[at + i] !== bytes[i]) return false;
  return true;
}

/** Gives what no token stands for to the unknown tokens between its neighbours, else to the token after it. */
function cover(ranges: TokenRange[], prompt: string): TokenRange[] {
  let covered = 0;
  for (let t = 0; t < ranges.length;) {
    let next = t;
    while (next < ranges.length && ranges[next]!.start === -1) next++;
    const unknown = next - t;
    const gap = prompt.slice(covered, next < ranges.length ? ranges[next]!.start : prompt.length);
    // White space before a word goes with the word.
    const until = covered + ((next < ranges.length && gap.trimEnd().length) || gap.length);
    for (let i = 0; i < unknown; i++) {
      const share = (part: number): number => covered + Math.round(((until - covered) * part) / unknown);
      ranges[t + i] = { start: share(i), end: share(i + 1), whole: true };
    }
    if (unknown > 0) covered = until;
    if (next < ranges.length) {
      const range = ranges[next]!;
      range.start = Math.min(range.start, covered);
      covered = Math.max(covered, range.end);
    }
    t = next + 1;
  }
  return stretchToEnd(ranges, covered, prompt.length);
}

function stretchToEnd(ranges: TokenRange[], covered: number, length: number): TokenRange[] {
  if (covered === length) return ranges;
  return ranges.map((range) => (range.end === covered && range.end > range.start ? { ...range, end: length } : range));
}
