/** Changes to a safetensors file that know its parts: header length, header, data. Each says what it did. */
import { dialect, mutateJson } from './jsonMutations';
import { Members, parseJson, writeJson, type Json } from './json';
import type { Random } from './random';

const DTYPES = [
  'BOOL',
  'U8',
  'I8',
  'F8_E4M3',
  'F8_E5M2',
  'F4',
  'F6_E2M3',
  'I16',
  'F16',
  'BF16',
  'I32',
  'F32',
  'I64',
  'F64',
];
const SHAPES = [
  [],
  [0],
  [1],
  [2 ** 31, 2],
  [65536, 65536, 65536, 65536],
  [2 ** 32, 2 ** 32],
  [0, 2 ** 53],
  [-1],
  [3, -3],
];
const OFFSETS = [
  [0, 0],
  [0, 1],
  [4, 0],
  [0, 2 ** 53 - 1],
  [2 ** 53 - 4, 2 ** 53 - 1],
  [-4, 0],
  [0, 4, 8],
  [0.5, 4.5],
];

export const SAFETENSORS = dialect(
  ['dtype', 'shape', 'data_offsets', '__metadata__'],
  [...DTYPES, ...SHAPES, ...OFFSETS, { dtype: 'F32', shape: [1], data_offsets: [0, 4] }],
);

/** A file taken apart; `claimed` is the header length that it will say, when that is a lie. */
export interface Parts {
  header: Json;
  data: Buffer;
  claimed?: bigint;
}

/** @throws when it is not a safetensors file */
export function takeApart(bytes: Buffer): Parts {
  const end = 8 + Number(bytes.readBigUInt64LE(0));
  return { header: parseJson(bytes.toString('utf8', 8, end)), data: bytes.subarray(end) };
}

export function putTogether({ header, data, claimed }: Parts): Buffer {
  const text = Buffer.from(writeJson(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(claimed ?? BigInt(text.length));
  return Buffer.concat([length, text, data]);
}

type Entry = Record<'dtype' | 'shape' | 'data_offsets', { get(): Json; set(value: Json): void }>;

/** The entry of some tensor, when it is still one. */
function someEntry(random: Random, header: Json): { name: string; entry: Entry } | undefined {
  if (!(header instanceof Members)) return undefined;
  const whole = header.entries.flatMap(([name, value]) => {
    if (!(value instanceof Members)) return [];
    const field = (key: string): [string, Json] | undefined => value.entries.find(([each]) => each === key);
    const [dtype, shape, offsets] = [field('dtype'), field('shape'), field('data_offsets')];
    if (!dtype || !shape || !offsets) return [];
    const access = (member: [string, Json]): Entry['dtype'] => ({
      get: () => member[1],
      set: (json) => void (member[1] = json),
    });
    return [{ name, entry: { dtype: access(dtype), shape: access(shape), data_offsets: access(offsets) } }];
  });
  return whole.length > 0 ? random.pick(whole) : undefined;
}

const numbers = (json: Json): number[] =>
  Array.isArray(json) ? json.filter((each): each is number => typeof each === 'number') : [];

/** Sizes with the same product, or with another. */
function otherShape(random: Random, shape: number[]): number[] {
  const product = shape.reduce((a, b) => a * b, 1);
  const at = random.below(shape.length + 1);
  return random.pick([
    [...shape].reverse(),
    [product],
    [1, ...shape],
    [...shape, 1],
    [...shape.slice(0, at), 0, ...shape.slice(at)],
    shape.map((size, i) => (i === at ? size + 1 : size)),
    shape.map((size, i) => (i === at ? size * 2 ** 32 : size)),
    shape.slice(1),
    [product / 2, 2],
  ]);
}

function otherOffsets(random: Random, [begin = 0, end = 0]: number[]): number[] {
  const by = random.pick([1, 2, 4, -4, 4096, end - begin]);
  const huge = 2 ** random.pick([31, 32, 40, 53]);
  return random.pick([
    [begin + by, end + by],
    [begin, end + by],
    [begin + by, end],
    [end, begin],
    [begin, begin],
    [begin + huge, end + huge],
    [0, end - begin],
  ]);
}

const WEIGHTS = [NaN, Infinity, -Infinity, 0, -0, 1e38, -3e38, 1e-45, 65504, 1];

type Change = (random: Random, parts: Parts) => string;

const CHANGES: [number, Change][] = [
  [5, (random, { header }) => mutateJson(random, header, SAFETENSORS)],
  [
    2,
    (random, { header }) => {
      const found = someEntry(random, header);
      const dtype = random.pick(DTYPES);
      found?.entry.dtype.set(dtype);
      return `${found?.name} is ${dtype}`;
    },
  ],
  [
    3,
    (random, { header }) => {
      const found = someEntry(random, header);
      if (!found) return 'nothing';
      const shape = otherShape(random, numbers(found.entry.shape.get()));
      found.entry.shape.set(shape);
      return `${found.name} has shape [${shape.join(', ')}]`;
    },
  ],
  [
    4,
    (random, { header }) => {
      const found = someEntry(random, header);
      if (!found) return 'nothing';
      const offsets = otherOffsets(random, numbers(found.entry.data_offsets.get()));
      found.entry.data_offsets.set(offsets);
      return `${found.name} lies at ${offsets.join('–')}`;
    },
  ],
  [
    2,
    (random, parts) => {
      const length = BigInt(Buffer.byteLength(writeJson(parts.header)));
      const total = length + BigInt(parts.data.length);
      const small = [0n, 1n, 2n, length - 1n, length + 1n, length / 2n, total, total + 1n, total + 8n];
      const large = [2n ** 31n, 2n ** 32n + length, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n, 100_000_001n];
      parts.claimed = random.pick([...small, ...large]);
      return `header length ${parts.claimed}`;
    },
  ],
  [
    2,
    (random, parts) => {
      const { length } = parts.data;
      const size = random.pick([0, length - 1, length - 4, random.below(length + 1), length + 1, length + 4096]);
      const more = Math.max(0, size - length);
      parts.data = Buffer.concat([parts.data.subarray(0, Math.max(0, size)), Buffer.alloc(more)]);
      return `${parts.data.length} bytes of data`;
    },
  ],
  [
    4,
    (random, parts) => {
      const { length } = parts.data;
      const value = random.pick(WEIGHTS);
      const from = random.chance(0.3) ? 0 : random.below(length + 1);
      const size = random.chance(0.3) ? length - from : Math.min(length - from, 4 * random.between(1, 32));
      const data = Buffer.from(parts.data);
      for (let at = from; at + 4 <= from + size; at += 4) data.writeFloatLE(value, at);
      parts.data = data;
      return `${value} in ${size} bytes of data from ${from}`;
    },
  ],
];

/** Changes one thing of a safetensors file. */
export function mutateParts(random: Random, parts: Parts): string {
  let at = random.below(CHANGES.reduce((sum, [weight]) => sum + weight, 0));
  const [, change] = CHANGES.find(([weight]) => (at -= weight) < 0)!;
  return change(random, parts);
}
