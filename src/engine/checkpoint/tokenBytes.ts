/** From a vocabulary's token strings to the bytes they stand for, and from bytes to what is shown. */

/** How a tokenizer.json writes bytes in its vocabulary. */
export interface Spelling {
  /** GPT-2's alphabet: one printable character for each byte. */
  byteLevel: boolean;
  /** SentencePiece: `<0x0A>` is a byte. */
  byteFallback: boolean;
  /** SentencePiece: `▁` is a space. */
  metaspace: boolean;
  /** WordPiece: `##`, dropped at the front. */
  continuation?: string;
  /** `</w>`: a word's end, dropped. */
  wordEnd?: string;
}

const encoder = new TextEncoder();

/** Character → byte of GPT-2's alphabet: printable Latin-1 stands for itself, the others follow from U+0100 on. */
const BYTE_OF = new Map<string, number>();
{
  let next = 0x100;
  for (let byte = 0; byte < 256; byte++) {
    const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte !== 0xad);
    BYTE_OF.set(String.fromCharCode(printable ? byte : next++), byte);
  }
}

const CHARACTERS = [...BYTE_OF.keys()];

/** The character of GPT-2's alphabet that stands for a byte. */
export const characterOf = (byte: number): string => CHARACTERS[byte]!;

/** Bytes of a token string of the vocabulary (added tokens are not spelt: their bytes are their content's). */
export function bytesOf(token: string, spelling: Spelling): Uint8Array {
  if (spelling.byteLevel) {
    const bytes = Array.from(token, (char) => BYTE_OF.get(char));
    return bytes.includes(undefined) ? encoder.encode(token) : Uint8Array.from(bytes as number[]);
  }
  const fallback = spelling.byteFallback ? /^<0x([0-9A-Fa-f]{2})>$/.exec(token) : null;
  if (fallback) return Uint8Array.of(parseInt(fallback[1]!, 16));
  let text = token;
  if (spelling.continuation && text.startsWith(spelling.continuation)) text = text.slice(spelling.continuation.length);
  if (spelling.wordEnd && text.endsWith(spelling.wordEnd)) text = text.slice(0, -spelling.wordEnd.length);
  return encoder.encode(spelling.metaspace ? text.replaceAll('▁', ' ') : text);
}

interface Json {
  type?: unknown;
  [key: string]: unknown;
}

/** All parts of a pre-tokenizer, decoder … that may be a `Sequence` of parts. */
export function parts(value: unknown): Json[] {
  if (typeof value !== 'object' || value === null) return [];
  const nested = ['pretokenizers', 'decoders', 'normalizers'].flatMap((key) => (value as Json)[key] ?? []);
  return nested.length > 0 ? nested.flatMap(parts) : [value as Json];
}

const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

/** Reads the spelling off a parsed tokenizer.json. */
export function spellingOf(json: Record<string, unknown>): Spelling {
  const model = (json.model ?? {}) as Json;
  const all = [...parts(json.pre_tokenizer), ...parts(json.decoder), ...parts(json.normalizer)];
  const continuation = text(model.continuing_subword_prefix);
  const wordEnd = text(model.end_of_word_suffix);
  return {
    byteLevel: all.some(({ type }) => type === 'ByteLevel'),
    byteFallback: model.byte_fallback === true,
    metaspace: all.some((part) => part.type === 'Metaspace' || JSON.stringify(part).includes('▁')),
    ...(continuation !== undefined && { continuation }),
    ...(wordEnd !== undefined && { wordEnd }),
  };
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Whole characters as they are, stray bytes as `\xf0`. */
export function showBytes(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch {
    let shown = '';
    for (let at = 0; at < bytes.length;) {
      const length = characterLength(bytes, at);
      shown +=
        length > 0 ? strict.decode(bytes.subarray(at, at + length)) : `\\x${bytes[at]!.toString(16).padStart(2, '0')}`;
      at += Math.max(1, length);
    }
    return shown;
  }
}

/** Bytes of the whole character at `at`; 0 when there is none. */
function characterLength(bytes: Uint8Array, at: number): number {
  const lead = bytes[at]!;
  const length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  try {
    if (at + length > bytes.length) return 0;
    strict.decode(bytes.subarray(at, at + length));
    return length;
  } catch {
    return 0;
  }
}
