/** What the fields of `sweep.json` hold. */
import type { Identity } from './identity';
import type { SweepRecord } from './store';
import { scalarsLength } from './totals';

type Check = (value: unknown) => boolean;

const text: Check = (value) => typeof value === 'string';
const flag: Check = (value) => typeof value === 'boolean';
const count: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const some: Check = (value) => count(value) && value !== 0;
const orNull =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);
const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);
const all =
  (checks: Record<string, Check>): Check =>
  (value) =>
    typeof value === 'object' && value !== null && firstWrong(value, checks) === undefined;

const IDENTITY: Record<keyof Identity, Check> = {
  model: text,
  autoencoder: text,
  settings: text,
  tunedLens: flag,
  files: count,
  bytes: count,
  names: text,
  field: text,
  maxTokens: orNull(count),
  context: some,
  examples: count,
};

const RECORD: Record<keyof Omit<SweepRecord, 'identity'>, Check> = {
  version: count,
  shard: orNull(all({ index: count, count: some })),
  globs: listOf(text),
  layers: (value) => listOf(count)(value) && (value as unknown[]).length > 0,
  nLatents: some,
  complete: flag,
  cursor: orNull(all({ file: all({ file: count, parts: count }), part: count, start: count, tokens: count })),
  scalars: listOf((value) => typeof value === 'string' && /^-?\d+$/.test(value)),
  notices: listOf(text),
  tensors: text,
  writer: orNull(text),
};

/** The first field that is missing or wrong, undefined when there is none. */
export function wrongField(record: SweepRecord): string | undefined {
  const { identity } = record;
  if (typeof identity !== 'object' || identity === null) return 'identity';
  const ofIdentity = firstWrong(identity, IDENTITY);
  if (ofIdentity !== undefined) return `identity.${ofIdentity}`;
  const wrong = firstWrong(record, RECORD);
  return wrong ?? (record.scalars.length === scalarsLength(record.layers.length) ? undefined : 'scalars');
}

function firstWrong(of: object, checks: Record<string, Check>): string | undefined {
  return Object.keys(checks).find((name) => !checks[name]!((of as Record<string, unknown>)[name]));
}
