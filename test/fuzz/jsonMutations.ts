/** Changes to a JSON document that keep it JSON, mostly. Each says what it did. */
import { fromValue, Members, Raw, shortJson, type Json } from './json';
import type { Random } from './random';

/** A place in a document: a member of an object or an element of an array. */
interface Place {
  path: string;
  get(): Json;
  set(value: Json): void;
  remove(): void;
  /** Puts another one beside it, under the same key. */
  again(value: Json): void;
  /** Of a member. */
  rename?(key: string): void;
}

/** What makes changes more likely to matter in one kind of document. */
export interface Dialect {
  /** Keys that mean something. */
  keys: string[];
  /** Values that mean something. */
  values: Json[];
}

const nested = (open: string, close: string, depth: number): Raw => new Raw(open.repeat(depth) + close.repeat(depth));

const NUMBERS = [
  ...[0, -0, -1, 1, 2, 3, 7, 16, 0.5, 1.5, -2.5, 255, 256, 65535, 65536, 1e6, 1e-320, 5e-324, 1e30, 1e308, -1e308],
  ...[2 ** 30, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 40, 2 ** 53 - 1, 2 ** 53, 2 ** 63, 2 ** 64],
];
const RAW_NUMBERS = ['1e999', '-1e999', 'NaN', 'Infinity', '-0.0', '1e-999', '00', '0x10', '9'.repeat(400)];
const STRINGS = [
  ...['', ' ', '0', '-1', '1e9', 'null', 'NaN', '__proto__', 'constructor', 'toString', 'hasOwnProperty', 'length'],
  ...['\u0000', 'a\u0000b', 'a\nb', '\ud800', '\udfff\ud800', '\ufeff', 'é', 'e\u0301', '🙂', '\u2028', '<script>'],
  ...['../../../../etc/passwd', '/etc/passwd', 'C:\\x', 'model.safetensors', '(', '[', '(a+)+$', '\\', '$&', '%s%n'],
];
/** Not picked often: they are long. */
const LARGE: (() => Json)[] = [
  () => nested('[', ']', 5000),
  () => nested('[', ']', 200_000),
  () => nested('{"a":', '}', 100_000),
  () => 'x'.repeat(300_000),
  () => '\\'.repeat(100_001),
  () => Array.from({ length: 50_000 }, () => 0),
  () => Array.from({ length: 20_000 }, () => 'a'),
  () => new Members(Array.from({ length: 20_000 }, (_, i) => [`k${i}`, i])),
];

/** Any value that one would not expect. */
export function hostile(random: Random, { values }: Dialect): Json {
  const makers: [number, () => Json][] = [
    [6, () => random.pick(NUMBERS)],
    [3, () => random.pick(STRINGS)],
    [1, () => new Raw(random.pick(RAW_NUMBERS))],
    [2, () => random.pick([null, true, false])],
    [2, () => random.pick([[], new Members([]), [[]], [null], [0], ['a'], [new Members([])], [-1, 1]])],
    [values.length > 0 ? 6 : 0, () => random.pick(values)],
    [0.3, () => random.pick(LARGE)()],
  ];
  let at = (random.below(1e6) / 1e6) * makers.reduce((sum, [weight]) => sum + weight, 0);
  for (const [weight, make] of makers) if ((at -= weight) < 0) return make();
  return null;
}

/** Near the value that is there: what a person mistypes, or a tool rounds. */
function near(random: Random, value: Json): Json {
  if (typeof value === 'number') {
    const other = [value + 1, value - 1, value * 2, value / 2, -value, 0, value + 0.5, value * 1000, String(value)];
    return random.pick(other);
  }
  if (typeof value === 'string') {
    const cut = random.below(value.length + 1);
    const wrong = [
      value.slice(0, cut) + value.slice(cut + 1),
      value + value,
      value.toUpperCase(),
      ` ${value}`,
      [value],
    ];
    return random.pick([...wrong, value.slice(0, cut) + random.pick(STRINGS) + value.slice(cut)]);
  }
  if (typeof value === 'boolean') return random.pick([!value, Number(value), String(value)]);
  if (Array.isArray(value) && value.length > 0) {
    const at = random.below(value.length);
    const lists = [value.slice(0, at), [...value, value[at]!], [...value].reverse(), [...value, ...value], [value]];
    return random.pick([...lists, value.filter((_, i) => i !== at), Array.from(value, () => value[at]!)]);
  }
  if (value instanceof Members) return random.pick([value.entries.map(([, each]) => each), [value]]);
  return random.pick([0, '', [], new Members([])]);
}

type Change = (random: Random, place: Place, root: Json, dialect: Dialect) => string;

const CHANGES: [number, Change][] = [
  [
    5,
    (random, place, _, dialect) => {
      const value = hostile(random, dialect);
      place.set(value);
      return `${place.path} = ${shortJson(value)}`;
    },
  ],
  [
    5,
    (random, place) => {
      const value = near(random, place.get());
      place.set(value);
      return `${place.path} = ${shortJson(value)}`;
    },
  ],
  [2, (_, place) => (place.remove(), `without ${place.path}`)],
  [
    1,
    (random, place, _, dialect) => {
      const value = random.chance(0.5) ? hostile(random, dialect) : place.get();
      place.again(value);
      return `${place.path} once more, as ${shortJson(value)}`;
    },
  ],
  [
    1,
    (random, place, _, { keys }) => {
      const key = random.pick([...STRINGS, ...keys]);
      if (place.rename) place.rename(key);
      else place.remove();
      return `${place.path} called ${JSON.stringify(key)}`;
    },
  ],
  [
    2,
    (random, place, root) => {
      const other = somePlace(random, root);
      if (!other) return 'nothing';
      const [mine, theirs] = [place.get(), other.get()];
      place.set(copy(theirs));
      if (random.chance(0.5)) other.set(copy(mine));
      return `${place.path} from ${other.path}`;
    },
  ],
  [
    2,
    (random, _, root, dialect) => {
      const key = random.pick(dialect.keys.length > 0 ? dialect.keys : STRINGS);
      const value = hostile(random, dialect);
      const holder = someObject(random, root);
      if (!holder) return 'nothing';
      holder.entries.splice(random.below(holder.entries.length + 1), 0, [key, value]);
      return `${JSON.stringify(key)} added as ${shortJson(value)}`;
    },
  ],
];

/** Changes `root` (an object or an array) somewhere. */
export function mutateJson(random: Random, root: Json, dialect: Dialect): string {
  const place = somePlace(random, root);
  if (!place) return 'nothing';
  let at = random.below(CHANGES.reduce((sum, [weight]) => sum + weight, 0));
  const [, change] = CHANGES.find(([weight]) => (at -= weight) < 0)!;
  return change(random, place, root, dialect);
}

/** A place at any depth: as likely near the root as in a long list. */
export function somePlace(random: Random, root: Json): Place | undefined {
  let place = childOf(random, root, '');
  while (place && random.chance(0.65)) {
    const below = childOf(random, place.get(), place.path);
    if (!below) break;
    place = below;
  }
  return place;
}

function childOf(random: Random, json: Json, path: string): Place | undefined {
  if (Array.isArray(json)) return json.length > 0 ? element(json, random.below(json.length), path) : undefined;
  if (!(json instanceof Members) || json.entries.length === 0) return undefined;
  return member(json.entries, random.below(json.entries.length), path);
}

const element = (list: Json[], at: number, path: string): Place => ({
  path: `${path}[${at}]`,
  get: () => list[at] ?? null,
  set: (value) => (list[at] = value),
  remove: () => list.splice(at, 1),
  again: (value) => list.splice(at, 0, value),
});

function member(entries: [string, Json][], at: number, path: string): Place {
  const entry = entries[at]!;
  const key = entry[0];
  return {
    path: path === '' ? key : `${path}.${key}`,
    get: () => entry[1],
    set: (value) => (entry[1] = value),
    remove: () => entries.splice(at, 1),
    again: (value) => entries.splice(at, 0, [key, value]),
    rename: (name) => (entry[0] = name),
  };
}

function someObject(random: Random, root: Json): Members | undefined {
  const value = random.chance(0.6) ? root : somePlace(random, root)?.get();
  return value instanceof Members ? value : root instanceof Members ? root : undefined;
}

const copy = (json: Json): Json => {
  if (Array.isArray(json)) return json.map(copy);
  if (json instanceof Members) return new Members(json.entries.map(([key, value]) => [key, copy(value)]));
  return json;
};

export const dialect = (keys: string[], values: unknown[]): Dialect => ({ keys, values: values.map(fromValue) });
