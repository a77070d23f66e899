/** `@huggingface/tokenizers` on a checkpoint's tokenizer.json, with the characters that each token stands for. */
import { Tokenizer } from '@huggingface/tokenizers';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { Token } from '../../protocol/analysis';
import type { PromptTokenizer } from './checkpoint';
import { readJsonObject } from './json';
import { bytesOf, showBytes, spellingOf } from './tokenBytes';
import type { Spelling } from './tokenBytes';
import { tokenRanges } from './tokenRanges';
import type { TokenBytes } from './tokenRanges';

/**
 * The tokenizer of a checkpoint's folder; without one (none there, or one that does not work) a notice that says so: the
 * checkpoint can still be run on token ids.
 */
export async function loadTokenizer(folder: string): Promise<{ tokenizer?: PromptTokenizer; notice?: string }> {
  const file = join(folder, 'tokenizer.json');
  const configFile = join(folder, 'tokenizer_config.json');
  const exists = (path: string): Promise<boolean> =>
    access(path).then(
      () => true,
      () => false,
    );
  if (!(await exists(file))) return { notice: 'No tokenizer.json: this checkpoint can only be run on token ids.' };
  try {
    const config = (await exists(configFile)) ? await readJsonObject(configFile) : {};
    return { tokenizer: createTokenizer(await readJsonObject(file), config) };
  } catch (cause) {
    const reason = (cause instanceof Error ? cause.message : String(cause)).replace(/\.$/, '');
    return { notice: `${file} does not work (${reason}): this checkpoint can only be run on token ids.` };
  }
}

/**
 * @param json parsed tokenizer.json
 * @param config parsed tokenizer_config.json
 * @throws whatever the library throws at a file that it does not know
 */
export function createTokenizer(json: Record<string, unknown>, config: Record<string, unknown>): PromptTokenizer {
  const tokenizer = new RangedTokenizer(new Tokenizer(json, config), spellingOf(json));
  tokenizer.encode('a'); // a broken file often shows only now
  return tokenizer;
}

/** Stands for the prompt's tokens, to see what the post-processor puts around them. */
const PROMPT = '\u0000prompt';

class RangedTokenizer implements PromptTokenizer {
  /** Number of special tokens before and after every prompt. */
  private readonly before: number;
  private readonly after: number;
  /** What the normaliser makes of an empty text: `▁` where it marks the start. */
  private readonly prepended: string;
  /** Names of added tokens, by id. */
  private readonly added: Map<number, string>;
  private readonly bytes = new Map<number, Uint8Array>();
  readonly specialIds: ReadonlySet<number>;

  constructor(
    private readonly library: Tokenizer,
    private readonly spelling: Spelling,
  ) {
    const around = library.post_processor?.([PROMPT], null, true).tokens ?? [PROMPT];
    const place = around.indexOf(PROMPT);
    this.before = Math.max(0, place);
    this.after = place < 0 ? 0 : around.length - 1 - place;
    this.prepended = library.normalizer?.normalize('') ?? '';
    const added = [...library.get_added_tokens_decoder()];
    this.added = new Map(added.map(([id, { content }]) => [id, content]));
    this.specialIds = new Set(added.filter(([, { special }]) => special).map(([id]) => id));
  }

  encode(text: string): Token[] {
    const { ids } = this.library.encode(text);
    const last = ids.length - this.after;
    const inner = ids.slice(this.before, last);
    const ranges = tokenRanges(
      text,
      inner.map((id) => this.promptBytes(id)),
      (piece) => this.normalize(piece),
    );
    return ids.map((id, i): Token => {
      const range = ranges[i - this.before];
      if (i < this.before || i >= last || !range) {
        const at = i < this.before ? 0 : text.length;
        return { id, text: this.tokenText(id), start: at, end: at, special: true };
      }
      const { start, end, whole } = range;
      if (start === end) return { id, text: this.tokenText(id), start, end, special: true };
      return { id, text: whole ? text.slice(start, end) : this.tokenText(id), start, end };
    });
  }

  tokenText(id: number): string {
    const bytes = this.bytesOf(id);
    return bytes ? showBytes(bytes) : `<${id}>`;
  }

  private bytesOf(id: number): Uint8Array | undefined {
    const known = this.bytes.get(id);
    if (known) return known;
    const name = this.added.get(id);
    const token = name ?? this.library.id_to_token(id);
    if (token === undefined) return undefined;
    const bytes = name === undefined ? bytesOf(token, this.spelling) : new TextEncoder().encode(name);
    this.bytes.set(id, bytes);
    return bytes;
  }

  /** `<unk>` stands for anything. */
  private promptBytes(id: number): TokenBytes {
    return id === undefined || id === this.library.model?.unk_token_id ? undefined : this.bytesOf(id);
  }

  /** Without what the normaliser puts in front of every text. */
  private normalize(piece: string): string {
    const normal = this.library.normalizer?.normalize(piece) ?? piece;
    const bare = normal.startsWith(this.prepended) ? normal.slice(this.prepended.length) : normal;
    return this.spelling.metaspace ? bare.replaceAll('▁', ' ') : bare;
  }
}
