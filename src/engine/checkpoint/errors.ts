import * as l10n from '@vscode/l10n';

/**
 * The person's input is at fault. `message` is one sentence that names the file and the field and says what was
 * expected; it is shown as it is.
 */
export class InputError extends Error {
  override name = 'InputError';

  constructor(message: string) {
    super(oneLine(message));
  }
}

/** Control characters, line ends, halves of characters, and what turns the direction of the text around it. */
const UNSHOWN = /[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;
const ENDS = { start: 600, end: 250 };

/** Text for a person, with whatever a hostile file calls its fields: on one line, and not longer than one reads. */
export function oneLine(text: string): string {
  const { length } = text;
  const short =
    length > ENDS.start + ENDS.end + 1 ? `${text.slice(0, ENDS.start)}…${text.slice(length - ENDS.end)}` : text;
  return short.replace(UNSHOWN, (char) => `\\u${char.codePointAt(0)!.toString(16).padStart(4, '0')}`);
}

/** What the system says, without its code and path: `no such file or directory`. */
export const systemReason = (cause: unknown): string =>
  cause instanceof Error ? (/^[A-Z]+: ([^,]+)/.exec(cause.message)?.[1] ?? cause.message) : String(cause);

/** A value of a JSON file for a message, cut when it is long. It may be nested more deeply than can be written. */
export function shown(value: unknown): string {
  let text: string;
  try {
    text = JSON.stringify(value) ?? l10n.t('nothing');
  } catch {
    return Array.isArray(value) ? '[…]' : '{…}';
  }
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}
