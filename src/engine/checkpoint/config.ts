/** Typed reading of a checkpoint's config.json: what is there is checked, what is missing has the caller's default. */
import * as l10n from '@vscode/l10n';
import { InputError, shown } from './errors';
import { parseJsonObject, readJsonObject } from './json';

/** One key, or alternative names of it; the first that is there counts. */
export type Keys = string | string[];

interface Range {
  min?: number;
  max?: number;
}

/** No dimension, vocabulary or context that fits a machine is larger. */
const MAX_SIZE = 2 ** 30;
const MAX_NUMBER = 1e30;

export class Config {
  constructor(
    /** For messages. */
    readonly file: string,
    private readonly values: Record<string, unknown>,
    /** Key of the object that this is, with its dot: `rope_scaling.`. */
    private readonly prefix = '',
  ) {}

  static async read(file: string): Promise<Config> {
    return new Config(file, await readJsonObject(file));
  }

  static parse(file: string, text: string): Config {
    return new Config(file, parseJsonObject(text, file));
  }

  /** A positive integer (or within `range`). Without a default the key must be there. */
  int(keys: Keys, fallback?: number, range?: Range): number {
    return this.optionalInt(keys, range) ?? this.fallback(keys, fallback, intIn(range));
  }

  /** As `int`; absent and null are undefined. */
  optionalInt(keys: Keys, range?: Range): number | undefined {
    return this.get(keys, intIn(range));
  }

  /** A finite number greater than 0 (or within `range`). */
  number(keys: Keys, fallback?: number, range?: Range): number {
    return this.optionalNumber(keys, range) ?? this.fallback(keys, fallback, numberIn(range));
  }

  optionalNumber(keys: Keys, range?: Range): number | undefined {
    return this.get(keys, numberIn(range));
  }

  bool(keys: Keys, fallback?: boolean): boolean {
    return this.get(keys, BOOL) ?? this.fallback(keys, fallback, BOOL);
  }

  string(keys: Keys, fallback?: string): string {
    return this.get(keys, STRING) ?? this.fallback(keys, fallback, STRING);
  }

  optionalString(keys: Keys): string | undefined {
    return this.get(keys, STRING);
  }

  optionalStrings(keys: Keys): string[] | undefined {
    return this.get(keys, STRINGS);
  }

  /** As `optionalInt`, a list of them. */
  optionalInts(keys: Keys, range?: Range): number[] | undefined {
    return this.get(keys, intsIn(range));
  }

  isBool(key: string): boolean {
    return typeof this.values[key] === 'boolean';
  }

  /** Token ids, given singly or in a list; whatever else is there stands for none. */
  tokenIds(key: string): number[] {
    return [this.values[key]].flat().filter((id): id is number => Number.isInteger(id) && (id as number) >= 0);
  }

  /** A nested object, read the same way. */
  optionalObject(keys: Keys): Config | undefined {
    const value = this.get(keys, OBJECT);
    return value && new Config(this.file, value, `${this.prefix}${this.present(keys)}.`);
  }

  /** The key is there, be it null. */
  has(keys: Keys): boolean {
    return list(keys).some((key) => Object.hasOwn(this.values, key));
  }

  /** Keys of this object, in the file's order. */
  keys(): string[] {
    return Object.keys(this.values);
  }

  /** `FILE: KEY is FOUND, EXPECTED was expected.` */
  error(keys: Keys, expected: string): InputError {
    const value = this.values[this.present(keys)];
    const name = `${this.prefix}${this.present(keys)}`;
    return new InputError(
      value === undefined
        ? l10n.t('{0}: {1} is missing, {2} was expected.', this.file, name, expected)
        : l10n.t('{0}: {1} is {2}, {3} was expected.', this.file, name, shown(value), expected),
    );
  }

  private present(keys: Keys): string {
    return list(keys).find((key) => Object.hasOwn(this.values, key)) ?? list(keys)[0]!;
  }

  private get<T>(keys: Keys, kind: Kind<T>): T | undefined {
    const value = this.has(keys) ? this.values[this.present(keys)] : undefined;
    if (value === undefined || value === null) return undefined;
    if (!kind.accepts(value)) throw this.error(keys, kind.expected);
    return value;
  }

  /** Null does not stand for a default: `transformers` would take it as None and fail. */
  private fallback<T>(keys: Keys, value: T | undefined, kind: Kind<T>): T {
    if (value === undefined || this.has(keys)) throw this.error(keys, kind.expected);
    return value;
  }
}

interface Kind<T> {
  expected: string;
  accepts(value: unknown): value is T;
}

const intIn = ({ min = 1, max = MAX_SIZE }: Range = {}): Kind<number> => ({
  expected: l10n.t('an integer from {0} to {1}', min, max),
  accepts: (v): v is number => Number.isInteger(v) && inside(v, min, max),
});
const intsIn = (range?: Range): Kind<number[]> => ({
  expected: l10n.t('an array, each {0},', intIn(range).expected),
  accepts: (v): v is number[] => Array.isArray(v) && v.every((each) => intIn(range).accepts(each)),
});
const numberIn = ({ min = Number.MIN_VALUE, max = MAX_NUMBER }: Range = {}): Kind<number> => ({
  expected: max === MAX_NUMBER ? l10n.t('a positive number') : l10n.t('a number from {0} to {1}', min, max),
  accepts: (v): v is number => inside(v, min, max),
});
const BOOL: Kind<boolean> = { expected: l10n.t('true or false'), accepts: (v): v is boolean => typeof v === 'boolean' };
const STRING: Kind<string> = { expected: l10n.t('a string'), accepts: (v): v is string => typeof v === 'string' };
const STRINGS: Kind<string[]> = {
  expected: l10n.t('an array of strings'),
  accepts: (v): v is string[] => Array.isArray(v) && v.every((s) => typeof s === 'string'),
};
const OBJECT: Kind<Record<string, unknown>> = {
  expected: l10n.t('an object'),
  accepts: (v): v is Record<string, unknown> => typeof v === 'object' && !Array.isArray(v),
};

const list = (keys: Keys): string[] => (typeof keys === 'string' ? [keys] : keys);
const inside = (value: unknown, min: number, max: number): boolean =>
  typeof value === 'number' && value >= min && value <= max;
