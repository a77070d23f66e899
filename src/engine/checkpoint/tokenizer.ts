/** `@huggingface/tokenizers` on a checkpoint's tokenizer.json, with the characters that each token stands for. */
import * as l10n from '@vscode/l10n';
import { Tokenizer } from '@huggingface/tokenizers';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { Token } from '../../protocol/analysis';
import type { PromptTokenizer } from './checkpoint';
import { InputError, oneLine, shown } from './errors';
import { readJsonObject } from './json';
import { TimeLimitError, withTimeLimit } from './timeLimit';
import { bytesOf, parts, showBytes, spellingOf } from './tokenBytes';
import type { Spelling } from './tokenBytes';
import { tokenRanges } from './tokenRanges';
import type { TokenBytes } from './tokenRanges';

/** What a text may take in ms, whatever patterns the tokenizer has: the usual ones read a million characters in a second. */
const limitOf = (text: string): number => 2000 + text.length / 20;
/** What reading a vocabulary may take. */
const OPEN_LIMIT = 8000;

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
  if (!(await exists(file)))
    return { notice: l10n.t('No tokenizer.json: this checkpoint can only be run on token ids.') };
  try {
    const config = (await exists(configFile)) ? await readJsonObject(configFile) : {};
    return { tokenizer: createTokenizer(await readJsonObject(file), config, file) };
  } catch (cause) {
    const reason = reasonOf(cause).replace(/\.$/, '');
    return {
      notice: oneLine(l10n.t('{0} does not work ({1}): this checkpoint can only be run on token ids.', file, reason)),
    };
  }
}

/** Why the library does not take a file or a text. Its own words are for its authors, but for the name of an unknown part. */
function reasonOf(cause: unknown): string {
  if (cause instanceof InputError || cause instanceof TimeLimitError) return cause.message;
  const message = cause instanceof Error ? cause.message : String(cause);
  const [, part, type] = /^Unknown (\w+) type: (.*)$/s.exec(message) ?? [];
  if (part) return type === 'undefined' || type?.startsWith('[object') ? l10n.t('a {0} without a type', part) : message;
  if (/^Tokenizer must/.test(message) || cause instanceof SyntaxError) return message;
  return l10n.t('its parts do not fit together');
}

/**
 * @param json parsed tokenizer.json
 * @param config parsed tokenizer_config.json
 * @param file for messages
 * @throws whatever the library throws at a file that it does not know
 */
export function createTokenizer(
  json: Record<string, unknown>,
  config: Record<string, unknown>,
  file = 'tokenizer.json',
): PromptTokenizer {
  checkLengths(json, file);
  return withTimeLimit(OPEN_LIMIT, () => {
    const tokenizer = new RangedTokenizer(new Tokenizer(json, config), spellingOf(json), file);
    tokenizer.read('a'); // a broken file often shows only now
    return tokenizer;
  });
}

/** The library does not look: pieces of no length have no end, and the memory that they take neither. */
function checkLengths(json: Record<string, unknown>, file: string): void {
  for (const { type, length } of parts(json.pre_tokenizer)) {
    if (type === 'FixedLength' && !(Number.isInteger(length) && Number(length) > 0))
      throw new InputError(
        l10n.t(
          '{0}: length of a FixedLength pre-tokenizer is {1}, a positive integer was expected.',
          file,
          shown(length),
        ),
      );
  }
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
    private readonly file: string,
  ) {
    const around = library.post_processor?.([PROMPT], null, true).tokens ?? [PROMPT];
    const place = around.indexOf(PROMPT);
    this.before = Math.max(0, place);
    this.after = place < 0 ? 0 : around.length - 1 - place;
    this.prepended = library.normalizer?.normalize('') ?? '';
    const added = [...library.get_added_tokens_decoder()].filter(([, { content }]) => typeof content === 'string');
    this.added = new Map(added.map(([id, { content }]) => [id, content]));
    this.specialIds = new Set(added.filter(([, { special }]) => special).map(([id]) => id));
  }

  encode(text: string): Token[] {
    try {
      return withTimeLimit(limitOf(text), () => this.read(text));
    } catch (cause) {
      if (cause instanceof InputError) throw cause;
      throw new InputError(l10n.t('{0} does not work on this text ({1}).', this.file, reasonOf(cause)));
    }
  }

  /** As `encode`, for as long as it takes, with the library's own errors. */
  read(text: string): Token[] {
    const { ids } = this.library.encode(text);
    const wrong = ids.findIndex((id) => !Number.isSafeInteger(id) || id < 0);
    if (wrong >= 0) {
      const found = shown(ids[wrong]);
      throw new InputError(
        l10n.t('{0}: the id of a token is {1}, a non-negative integer was expected.', this.file, found),
      );
    }
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
    if (typeof token !== 'string') return undefined;
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
