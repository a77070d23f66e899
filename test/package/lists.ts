import { readFileSync } from 'node:fs';

export interface PackedFile {
  /** Relative to the extension, with forward slashes. */
  path: string;
  /** Bytes. */
  size: number;
}

/** What the packing step takes, by platform (test/harness/package.mjs writes it). */
export function packageLists(): Record<string, PackedFile[]> {
  const file = process.env['CIRCUITSCOPE_PACKAGE_LISTS'];
  if (!file) throw new Error('CIRCUITSCOPE_PACKAGE_LISTS names no file: run this suite with `npm test -- package`.');
  return JSON.parse(readFileSync(file, 'utf8')) as Record<string, PackedFile[]>;
}
