/** JSON files of a checkpoint. */
import * as l10n from '@vscode/l10n';
import { readFile } from 'node:fs/promises';
import { InputError, systemReason } from './errors';
import { statFile } from './regularFile';

/** Anything larger is not what it says it is. */
const MAX_JSON_BYTES = 256 << 20;

/**
 * A file that holds one JSON object.
 * @throws InputError naming the file.
 */
export async function readJsonObject(file: string): Promise<Record<string, unknown>> {
  let text: string;
  try {
    const { size } = await statFile(file, l10n.t('a JSON file'));
    if (size > MAX_JSON_BYTES)
      throw new InputError(l10n.t('{0} has {1} bytes, at most {2} were expected.', file, size, MAX_JSON_BYTES));
    text = await readFile(file, 'utf8');
  } catch (cause) {
    if (cause instanceof InputError) throw cause;
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw new InputError(
      missing ? l10n.t('{0} does not exist.', file) : l10n.t('{0} cannot be read: {1}.', file, systemReason(cause)),
    );
  }
  return parseJsonObject(text, file);
}

/** @throws InputError naming the file. */
export function parseJsonObject(text: string, file: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (cause) {
    throw new InputError(l10n.t('{0} is not valid JSON: {1}.', file, (cause as Error).message));
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const held = Array.isArray(value) ? l10n.t('an array') : String(value);
    throw new InputError(l10n.t('{0} holds {1}, a JSON object was expected.', file, held));
  }
  return value as Record<string, unknown>;
}

/**
 * The first key that the outermost object of valid JSON text has twice (JSON.parse keeps the last one silently). No
 * regular expression: one that spans a string of a hostile file's length overflows the stack.
 */
export function duplicateKey(text: string): string | undefined {
  const seen = new Set<string>();
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!;
    if (char === '{' || char === '[') depth++;
    else if (char === '}' || char === ']') depth--;
    else if (char === '"') {
      const end = endOfString(text, at);
      if (depth === 1 && isFollowedByColon(text, end)) {
        const key = JSON.parse(text.slice(at, end)) as string;
        if (seen.has(key)) return key;
        seen.add(key);
      }
      at = end - 1;
    }
  }
  return undefined;
}

/** Just behind the closing quote of the string that opens at `start`. */
function endOfString(text: string, start: number): number {
  for (let quote = text.indexOf('"', start + 1); quote !== -1; quote = text.indexOf('"', quote + 1)) {
    let before = quote;
    while (text[before - 1] === '\\') before--;
    if ((quote - before) % 2 === 0) return quote + 1;
  }
  return text.length;
}

function isFollowedByColon(text: string, at: number): boolean {
  while (' \t\r\n'.includes(text[at] ?? '-')) at++;
  return text[at] === ':';
}
