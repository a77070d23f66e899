/** The files of a mutant, in memory until they are written. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Random } from './random';

/** What may lie in a file's place. */
export type Special = { kind: 'folder' } | { kind: 'pipe' } | { kind: 'link'; target: string };
export type Entry = Buffer | Special;
/** By path relative to the mutant's folder. */
export type Files = Map<string, Entry>;

export function readFiles(folder: string): Files {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((each) => each.isFile());
  const paths = names.map(({ parentPath, name }) => join(parentPath, name));
  return new Map(paths.sort().map((path) => [path.slice(folder.length + 1), readFileSync(path)]));
}

export function writeFiles(folder: string, files: Files): void {
  for (const [name, entry] of files) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    if (Buffer.isBuffer(entry)) writeFileSync(path, entry);
    else if (entry.kind === 'folder') mkdirSync(path, { recursive: true });
    else if (entry.kind === 'link') symlinkSync(entry.target, path);
    else execFileSync('mkfifo', [path]);
  }
}

/** The content of a file that is still one. */
export function bytesAt(files: Files, name: string): Buffer | undefined {
  const entry = files.get(name);
  return Buffer.isBuffer(entry) ? entry : undefined;
}

const WINDOWS = process.platform === 'win32';

/** Puts something else in a file's place. */
export function misplace(random: Random, files: Files, name: string): string {
  const links = ['/dev/zero', '/dev/null', '/etc/passwd', '.', '..', name, `${name}.gone`, ...files.keys()];
  const specials: [string, () => Entry | undefined][] = [
    ['is not there', () => undefined],
    ['is empty', () => Buffer.alloc(0)],
    ['is a folder', () => ({ kind: 'folder' })],
    ['is another file', () => files.get(random.pick([...files.keys()]))],
  ];
  // links need a privilege on Windows, and pipes are no files there
  if (!WINDOWS) {
    specials.push(['is a pipe', () => ({ kind: 'pipe' })]);
    specials.push(['is a link', () => ({ kind: 'link', target: random.pick(links) })]);
  }
  const [what, make] = random.pick(specials);
  const entry = make();
  if (entry) files.set(name, entry);
  else files.delete(name);
  return `${name} ${what}${entry && 'target' in entry ? ` to ${entry.target}` : ''}`;
}
