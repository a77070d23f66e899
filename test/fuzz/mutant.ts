/** A mutant: files, what was changed in them, what a person opens. */
import { bytesAt, type Files } from './files';
import { Members, parseJson, writeJson } from './json';
import { mutateJson, type Dialect } from './jsonMutations';
import type { Random } from './random';

/** What a person opens, as paths below the mutant's folder (or absolute). */
export interface Target {
  model: string;
  /** The model is none of the mutants': it stays open for the next one. */
  sharedModel?: boolean;
  sae?: { path: string; tunedLens?: string };
  /** Prompts that are tried. */
  texts: string[];
  /** How many circuits are looked at; default 2. 0: heads neither. */
  circuits?: number;
}

export interface Mutant {
  files: Files;
  mutations: string[];
  target(folder: string): Target;
}

/** Usually one change, sometimes more. */
export const rounds = (random: Random): number => random.pick([1, 1, 1, 1, 2, 2, 3, 5]);

export function mutateJsonFile(random: Random, files: Files, name: string, dialect: Dialect): string {
  const bytes = bytesAt(files, name);
  if (!bytes) return 'nothing';
  const document = parseJson(bytes.toString('utf8'));
  const done = Array.from({ length: rounds(random) }, () => mutateJson(random, document, dialect));
  files.set(name, Buffer.from(writeJson(document)));
  return `${name}: ${done.join('; ')}`;
}

/** Changes an object in a file of its own. */
export function editJson(files: Files, name: string, edit: (json: Members) => string): string {
  const json = parseJson(bytesAt(files, name)!.toString('utf8'));
  if (!(json instanceof Members)) return 'nothing';
  const done = edit(json);
  files.set(name, Buffer.from(writeJson(json)));
  return `${name}: ${done}`;
}
