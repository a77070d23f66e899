/** Reads a `.circuitscope.json`, which others may have written or changed: only what the format names, each value as expected. */
import * as l10n from '@vscode/l10n';
import { compareSections } from './comparePanel';
import {
  FORMAT,
  MOST_CHARACTERS,
  needsSae,
  needsText,
  resultPanels,
  VERSION,
  type ResultFile,
  type ResultNumbers,
} from './resultFile';
import { patternsProblem } from './savedPatterns';

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

/** Texts in the language at the time when they are asked for. */
type Say = () => string;
type Rules = Record<string, [check: Check, expected: Say]>;

const aText: Say = () => l10n.t('a text');
const aPath: Say = () => l10n.t('a path');
const aHash: Say = () => l10n.t('a hash');
const aNumber: Say = () => l10n.t('a number');
const aFlag: Say = () => l10n.t('true or false');
const anIndex: Say = () => l10n.t('a whole number from 0');
const anObject: Say = () => l10n.t('an object');
const noSecondSae: Say = () => l10n.t('nothing (only compared latents have a second autoencoder)');
const tokenIds: Say = () => l10n.t('a list of token ids');
const aHead: Say = () => l10n.t('a head such as {0}', 'L1H5');
const heads: Say = () => l10n.t('a list of heads such as {0}', 'L1H5');
const among =
  (names: readonly string[]): Say =>
  () =>
    l10n.t('one of {0}', names.join(', '));

const FILES: Rules = {
  name: [isText, aText],
  path: [isPath, aPath],
  config: [maybe(isText), aHash],
  weights: [isText, aHash],
  layer: [maybe(isIndex), anIndex],
  tunedLens: [maybe(isPath), aPath],
};
const choice = (...names: string[]): Rules[string] => [maybe(oneOf(...names)), among(names)];
const VIEW: Rules = {
  panel: [oneOf(...resultPanels), among(resultPanels)],
  head: [maybe(isHead), aHead],
  weighting: choice('pattern', 'value-weighted'),
  reduction: choice('one', 'mean', 'max'),
  earlier: [maybe(isHead), aHead],
  later: [maybe(isHead), aHead],
  kind: choice('Q', 'K', 'V'),
  ...Object.fromEntries(
    ['destination', 'source', 'token', 'latent', 'layer', 'answer', 'wrong'].map((name) => [
      name,
      [maybe(isIndex), anIndex],
    ]),
  ),
  heads: [maybe(listOf(isHead)), heads],
  mean: [maybe(isFlag), aFlag],
  corrupted: [maybe(listOf(isIndex)), tokenIds],
  spliced: [maybe(isFlag), aFlag],
  section: choice(...compareSections),
};
const RESULT: Rules = {
  formatVersion: [(v) => v === VERSION, () => l10n.t('{0} (a newer Circuitscope may have written it)', VERSION)],
  circuitscope: [isText, () => l10n.t('a version')],
  created: [(v) => isText(v) && !Number.isNaN(Date.parse(v as string)), () => l10n.t('a date')],
  source: [isText, aText],
  text: [maybe(isText), aText],
  ids: [listOf(isIndex), tokenIds],
  tokens: [listOf(isText), () => l10n.t('a list of texts')],
};

/** What is wrong with a file, as one sentence with its name. */
class Problem extends Error {
  constructor(readonly sentence: (file: string) => string) {
    super();
  }
}

const isNot = (name: string, value: unknown, expected: Say): Problem =>
  value === undefined
    ? new Problem((file) => l10n.t('{0}: {1} is missing, {2} was expected.', file, name, expected()))
    : new Problem((file) => l10n.t('{0}: {1} is {2}, {3} was expected.', file, name, shown(value), expected()));

/** A value in a message: short, on one line. */
const shown = (value: unknown): string => {
  const text = isObject(value) ? '{…}' : Array.isArray(value) ? '[…]' : String(value);
  return (text.length > 60 ? `${text.slice(0, 60)}…` : text).replace(/[\p{Cc}\p{Cs}\u2028-\u202e\u2066-\u2069]/gu, ' ');
};

function check(fields: Fields, rules: Rules, prefix = ''): void {
  for (const [name, [accepts, expected]] of Object.entries(rules))
    if (!accepts(fields[name])) throw isNot(`${prefix}${name}`, fields[name], expected);
}

/** Only what the rules name. */
const only = (fields: Fields, rules: Rules): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([name, v]) => Object.hasOwn(rules, name) && v !== undefined));

function objectAt(fields: Fields, name: string, rules?: Rules): Fields {
  const value = fields[name];
  if (!isObject(value)) throw isNot(name, value, anObject);
  if (!rules) return value;
  check(value, rules, `${name}.`);
  return only(value, rules);
}

function numbersOf(fields: Fields): ResultNumbers {
  const numbers = objectAt(fields, 'numbers');
  for (const [section, values] of Object.entries(numbers)) {
    if (!isObject(values)) throw isNot(`numbers.${shown(section)}`, values, anObject);
    for (const [name, value] of Object.entries(values))
      if (!Number.isFinite(value)) throw isNot(`numbers.${shown(section)}.${shown(name)}`, value, aNumber);
  }
  return numbers as ResultNumbers;
}

function fieldsOf(text: string): Fields {
  if (text.length > MOST_CHARACTERS)
    throw new Problem((file) =>
      l10n.t('{0}: it has {1} characters, at most {2} were expected.', file, text.length, MOST_CHARACTERS),
    );
  let fields: unknown;
  try {
    fields = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    const reason = shown((error as Error).message);
    throw new Problem((file) => l10n.t('{0} is not valid JSON: {1}.', file, reason));
  }
  if (!isObject(fields) || fields.format !== FORMAT)
    throw new Problem((file) => l10n.t('{0}: it is no result of Circuitscope: “format” is not “{1}”.', file, FORMAT));
  return fields;
}

function parsed(text: string): ResultFile {
  const fields = fieldsOf(text);
  check(fields, RESULT);
  const result = {
    ...only(fields, { ...RESULT, formatVersion: RESULT.formatVersion! }),
    checkpoint: objectAt(fields, 'checkpoint', FILES),
    ...(fields.sae !== undefined && { sae: objectAt(fields, 'sae', FILES) }),
    ...(fields.other !== undefined && { other: objectAt(fields, 'other', FILES) }),
    ...(fields.otherSae !== undefined && { otherSae: objectAt(fields, 'otherSae', FILES) }),
    view: objectAt(fields, 'view', VIEW),
    numbers: numbersOf(fields),
    ...(fields.patterns !== undefined && { patterns: fields.patterns }),
  } as unknown as ResultFile & { formatVersion?: number };
  delete result.formatVersion;
  const { ids, tokens, view, patterns } = result;
  const problem = patterns && patternsProblem(patterns, tokens.length);
  if (problem) throw new Problem(problem);
  if (!patterns) sameLength('tokens', tokens, ids);
  checkParts(result);
  for (const name of ['destination', 'source'] as const)
    if (view[name] !== undefined && view[name] >= tokens.length)
      throw isNot(`view.${name}`, view[name], () => l10n.t('a position below {0}', tokens.length));
  return result;
}

function sameLength(name: string, list: unknown[], { length }: number[]): void {
  if (list.length !== length)
    throw new Problem((file) =>
      l10n.t('{0}: {1} has {2} entries, {3} were expected, as many as ids.', file, name, list.length, length),
    );
}

/** Every panel has what its question needs. */
function checkParts({ ids, view, sae, other, otherSae, patterns }: ResultFile): void {
  const { panel } = view;
  const present = (name: string, has: boolean, expected: Say): void => {
    if (!has) throw isNot(name, undefined, expected);
  };
  if (ids.length === 0 && needsText(view) && !patterns) throw isNot('ids', ids, tokenIds);
  if (needsSae(view)) present('sae', sae !== undefined, anObject);
  if (panel === 'ablate') present('view.heads', (view.heads ?? []).length > 0, heads);
  if (panel === 'patch') {
    present('view.corrupted', view.corrupted !== undefined, tokenIds);
    for (const name of ['answer', 'wrong'] as const) present(`view.${name}`, view[name] !== undefined, anIndex);
    sameLength('view.corrupted', view.corrupted!, ids);
  }
  if (panel === 'compare') {
    present('view.section', view.section !== undefined, among(compareSections));
    present('other', other !== undefined, anObject);
  }
  if (otherSae && (panel !== 'compare' || view.section !== 'latents')) throw isNot('otherSae', otherSae, noSecondSae);
}

/** @param file its name, for the sentence that says what is wrong */
export function readResult(text: string, file: string): { result: ResultFile } | { error: string } {
  try {
    return { result: parsed(text) };
  } catch (error) {
    if (error instanceof Problem) return { error: error.sentence(file) };
    throw error;
  }
}
