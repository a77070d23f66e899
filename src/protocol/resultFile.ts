/**
 * `.circuitscope.json`: a result that can be committed, compared and run again. Keys are sorted, numbers rounded and one value
 * stands on a line, so that two files differ where the results do.
 */

import { compareSections, type CompareSection } from './comparePanel';
import { patternsProblem, type SavedPattern } from './savedPatterns';

export const RESULT_ENDING = '.circuitscope.json';
const FORMAT = 'circuitscope-result';
const VERSION = 1;
/** Larger is not what we write: a text of 100,000 tokens is. */
export const MOST_CHARACTERS = 16_000_000;
/** Decimals that are kept. */
export const DECIMALS = 4;

/** Panels whose result can be saved. */
export const resultPanels = [
  ...(['attention', 'circuits', 'paths', 'lens', 'bigrams', 'importance', 'patch', 'ablate'] as const),
  ...(['latents', 'layers', 'compare'] as const),
];
export type ResultPanel = (typeof resultPanels)[number];

/** What is looked at. Heads are written `L1H5`; positions are tokens of the prompt. */
export interface ResultView {
  panel: ResultPanel;
  head?: string;
  weighting?: 'pattern' | 'value-weighted';
  reduction?: 'one' | 'mean' | 'max';
  destination?: number;
  source?: number;
  /** The composition that is locked. */
  earlier?: string;
  later?: string;
  kind?: 'Q' | 'K' | 'V';
  /** Id of the token whose logit is taken apart; of bigrams: that they begin with. */
  token?: number;
  latent?: number;
  layer?: number;
  /** Of an ablation. */
  heads?: string[];
  mean?: boolean;
  /** Of patching: the ids of the corrupted prompt (those of the clean one are the result's), and those of the two answers. */
  corrupted?: number[];
  answer?: number;
  wrong?: number;
  /** Of the layers panel: the loss with reconstructions was measured too. */
  spliced?: boolean;
  /** Of a comparison. */
  section?: CompareSection;
}

/** Files by what is in them. */
export interface FileIdentity {
  name: string;
  /** From the folder of the result to the files, with forward slashes; absolute where there is no such way. */
  path: string;
  /** Of the bytes of config.json (or cfg.json); SHA-256, 16 digits. */
  config?: string;
  /** Of names, types, shapes and first bytes of all tensors; SHA-256, 16 digits. Training changes it, reading it is cheap. */
  weights: string;
  /** Of a single-layer autoencoder whose files do not say it. */
  layer?: number;
  /** Path of the translators that it is read with, as `path`. */
  tunedLens?: string;
}

/** Section → name → number. */
export type ResultNumbers = Record<string, Record<string, number>>;

export interface ResultFile {
  checkpoint: FileIdentity;
  sae?: FileIdentity;
  /** B of a comparison; A is `checkpoint`. */
  other?: FileIdentity;
  /** Version of the extension. */
  circuitscope: string;
  /** ISO 8601. */
  created: string;
  /** Where the text was: `total.ts:4–9`. */
  source: string;
  /** Absent for a checkpoint without a tokenizer. */
  text?: string;
  /** None where a result is of the weights alone. */
  ids: number[];
  /** Their texts. `[pos]` */
  tokens: string[];
  view: ResultView;
  numbers: ResultNumbers;
  /** Read from another tool's file, which stands in the place of the checkpoint: nothing can be run again, and there are no ids. */
  patterns?: SavedPattern[];
}

/** Rounded as they are written; what is not finite is left out. */
export const roundedNumbers = (numbers: ResultNumbers): ResultNumbers => {
  const round = (value: number): number => Number(value.toFixed(DECIMALS)) + 0;
  const section = (values: Record<string, number>): Record<string, number> =>
    Object.fromEntries(
      Object.entries(values)
        .filter(([, value]) => Number.isFinite(value))
        .map(([name, value]) => [name, round(value)]),
    );
  return Object.fromEntries(Object.entries(numbers).map(([name, values]) => [name, section(values)]));
};

/** The text of the file. The same result gives the same bytes. */
export function writeResult(result: ResultFile): string {
  const { numbers, ...rest } = result;
  const whole = { format: FORMAT, formatVersion: VERSION, ...rest, numbers: roundedNumbers(numbers) };
  return `${JSON.stringify(sorted(whole), null, 2)}\n`;
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  return Object.fromEntries(
    entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([key, each]) => [key, sorted(each)]),
  );
}

type Fields = Record<string, unknown>;
type Check = (value: unknown) => boolean;

const isText: Check = (v) => typeof v === 'string';
const isIndex: Check = (v) => Number.isSafeInteger(v) && (v as number) >= 0;
const isFlag: Check = (v) => typeof v === 'boolean';
const isHead: Check = (v) => typeof v === 'string' && /^L\d{1,4}H\d{1,4}$/.test(v);
/** Not one of another machine (`//host/share`): merely looking there would tell that machine about this one. */
const isPath: Check = (v) => typeof v === 'string' && v !== '' && !/^[\\/]{2}|\0/.test(v);
const isObject = (v: unknown): v is Fields => typeof v === 'object' && v !== null && !Array.isArray(v);
const listOf =
  (check: Check): Check =>
  (v) =>
    Array.isArray(v) && v.every(check);
const oneOf =
  (...values: readonly string[]): Check =>
  (v) =>
    values.includes(v as string);
const maybe =
  (check: Check): Check =>
  (v) =>
    v === undefined || check(v);

type Rules = Record<string, [check: Check, expected: string]>;

const FILES: Rules = {
  name: [isText, 'a text'],
  path: [isPath, 'a path'],
  config: [maybe(isText), 'a hash'],
  weights: [isText, 'a hash'],
  layer: [maybe(isIndex), 'a whole number from 0'],
  tunedLens: [maybe(isPath), 'a path'],
};
const VIEW: Rules = {
  panel: [oneOf(...resultPanels), `one of ${resultPanels.join(', ')}`],
  head: [maybe(isHead), 'a head such as L1H5'],
  weighting: [maybe(oneOf('pattern', 'value-weighted')), '“pattern” or “value-weighted”'],
  reduction: [maybe(oneOf('one', 'mean', 'max')), '“one”, “mean” or “max”'],
  earlier: [maybe(isHead), 'a head such as L0H4'],
  later: [maybe(isHead), 'a head such as L1H5'],
  kind: [maybe(oneOf('Q', 'K', 'V')), '“Q”, “K” or “V”'],
  ...Object.fromEntries(
    ['destination', 'source', 'token', 'latent', 'layer', 'answer', 'wrong'].map((name) => [
      name,
      [maybe(isIndex), 'a whole number from 0'],
    ]),
  ),
  heads: [maybe(listOf(isHead)), 'heads such as L1H5'],
  mean: [maybe(isFlag), 'true or false'],
  corrupted: [maybe(listOf(isIndex)), 'a list of token ids'],
  spliced: [maybe(isFlag), 'true or false'],
  section: [maybe(oneOf(...compareSections)), `one of ${compareSections.join(', ')}`],
};
const RESULT: Rules = {
  formatVersion: [(v) => v === VERSION, `${VERSION} (a newer Circuitscope may have written it)`],
  circuitscope: [isText, 'a version'],
  created: [(v) => isText(v) && !Number.isNaN(Date.parse(v as string)), 'a date'],
  source: [isText, 'a text'],
  text: [maybe(isText), 'a text'],
  ids: [listOf(isIndex), 'a list of token ids'],
  tokens: [listOf(isText), 'a list of texts'],
};

/** What is wrong with a file, as one sentence. */
class Problem extends Error {}

/** A value in a message: short, on one line. */
const shown = (value: unknown): string => {
  const text = value === undefined ? 'missing' : isObject(value) ? '{…}' : Array.isArray(value) ? '[…]' : String(value);
  return (text.length > 60 ? `${text.slice(0, 60)}…` : text).replace(/[\p{Cc}\p{Cs}\u2028-\u202e\u2066-\u2069]/gu, ' ');
};

function check(fields: Fields, rules: Rules, prefix = ''): void {
  for (const [name, [accepts, expected]] of Object.entries(rules))
    if (!accepts(fields[name]))
      throw new Problem(`${prefix}${name} is ${shown(fields[name])}, ${expected} was expected`);
}

/** Only what the rules name. */
const only = (fields: Fields, rules: Rules): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([name, v]) => Object.hasOwn(rules, name) && v !== undefined));

function objectAt(fields: Fields, name: string, rules?: Rules): Fields {
  const value = fields[name];
  if (!isObject(value)) throw new Problem(`${name} is ${shown(value)}, an object was expected`);
  if (!rules) return value;
  check(value, rules, `${name}.`);
  return only(value, rules);
}

function numbersOf(fields: Fields): ResultNumbers {
  const numbers = objectAt(fields, 'numbers');
  for (const [section, values] of Object.entries(numbers)) {
    if (!isObject(values)) throw new Problem(`numbers.${shown(section)} is ${shown(values)}, an object was expected`);
    for (const [name, value] of Object.entries(values))
      if (!Number.isFinite(value))
        throw new Problem(`numbers.${shown(section)}.${shown(name)} is ${shown(value)}, a number was expected`);
  }
  return numbers as ResultNumbers;
}

function parsed(text: string): ResultFile {
  if (text.length > MOST_CHARACTERS)
    throw new Problem(`it has ${text.length} characters, at most ${MOST_CHARACTERS} were expected`);
  let fields: unknown;
  try {
    fields = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw new Problem(`it is not valid JSON: ${shown((error as Error).message)}`);
  }
  if (!isObject(fields) || fields.format !== FORMAT)
    throw new Problem(`it is no result of Circuitscope: “format” is not “${FORMAT}”`);
  check(fields, RESULT);
  const result = {
    ...only(fields, { ...RESULT, formatVersion: RESULT.formatVersion! }),
    checkpoint: objectAt(fields, 'checkpoint', FILES),
    ...(fields.sae !== undefined && { sae: objectAt(fields, 'sae', FILES) }),
    ...(fields.other !== undefined && { other: objectAt(fields, 'other', FILES) }),
    view: objectAt(fields, 'view', VIEW),
    numbers: numbersOf(fields),
    ...(fields.patterns !== undefined && { patterns: fields.patterns }),
  } as unknown as ResultFile & { formatVersion?: number };
  delete result.formatVersion;
  const { ids, tokens, view, patterns } = result;
  const problem = patterns && patternsProblem(patterns, tokens.length);
  if (problem !== undefined) throw new Problem(problem);
  if (!patterns && ids.length !== tokens.length)
    throw new Problem(`tokens has ${tokens.length} entries, ${ids.length} were expected, as many as ids`);
  checkParts(result);
  for (const name of ['destination', 'source'] as const)
    if (view[name] !== undefined && view[name] >= tokens.length)
      throw new Problem(`view.${name} is ${view[name]}, a position below ${tokens.length} was expected`);
  return result;
}

/** Results of the weights alone. */
export const needsText = ({ panel, section }: ResultView): boolean =>
  panel === 'compare' ? section !== 'scores' && section !== 'composition' : panel !== 'bigrams' && panel !== 'circuits';

export const needsSae = ({ panel, section }: ResultView): boolean =>
  panel === 'latents' || panel === 'layers' || (panel === 'compare' && section === 'latents');

/** Every panel has what its question needs. */
function checkParts({ ids, view, sae, other, patterns }: ResultFile): void {
  const { panel } = view;
  const present = (name: string, has: boolean, expected: string): void => {
    if (!has) throw new Problem(`${name} is missing, ${expected} expected`);
  };
  if (ids.length === 0 && needsText(view) && !patterns)
    throw new Problem('ids is […], a list of token ids was expected');
  if (needsSae(view)) present('sae', sae !== undefined, 'an object was');
  if (panel === 'ablate') present('view.heads', (view.heads ?? []).length > 0, 'heads such as L1H5 were');
  if (panel === 'patch') {
    for (const name of ['corrupted', 'answer', 'wrong'] as const)
      present(`view.${name}`, view[name] !== undefined, 'token ids were');
    if (view.corrupted!.length !== ids.length)
      throw new Problem(
        `view.corrupted has ${view.corrupted!.length} entries, ${ids.length} were expected, as many as ids`,
      );
  }
  if (panel === 'compare') {
    present('view.section', view.section !== undefined, `one of ${compareSections.join(', ')} was`);
    present('other', other !== undefined, 'an object was');
  }
}

/** @param file its name, for the sentence that says what is wrong */
export function readResult(text: string, file: string): { result: ResultFile } | { error: string } {
  try {
    return { result: parsed(text) };
  } catch (error) {
    if (error instanceof Problem) return { error: `${file}: ${error.message}.` };
    throw error;
  }
}
