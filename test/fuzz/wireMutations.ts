/** Changes to the protobuf wire format: fields repeated, cut, moved, with lengths that lie. Each says what it did. */
import type { Random } from './random';

/** A field of a message: where it lies in the bytes. */
interface Field {
  number: number;
  wire: number;
  start: number;
  /** Where its payload begins, of length-delimited ones. */
  payload: number;
  end: number;
}

function varint(bytes: Uint8Array, at: number): [value: number, end: number] | undefined {
  let value = 0;
  for (let i = 0; i < 10 && at + i < bytes.length; i++) {
    value += (bytes[at + i]! & 0x7f) * 2 ** (7 * i);
    if (bytes[at + i]! < 0x80) return [value, at + i + 1];
  }
  return undefined;
}

/** The fields of the message between two places; undefined when it is none. */
function fieldsIn(bytes: Uint8Array, from: number, to: number): Field[] | undefined {
  const fields: Field[] = [];
  for (let at = from; at < to;) {
    const tag = varint(bytes, at);
    if (!tag) return undefined;
    const [number, wire] = [Math.floor(tag[0] / 8), tag[0] % 8];
    const length =
      wire === 2
        ? varint(bytes, tag[1])
        : wire === 0
          ? ([0, varint(bytes, tag[1])?.[1] ?? to + 1] as const)
          : undefined;
    const end = length ? length[1] + length[0] : tag[1] + (wire === 5 ? 4 : wire === 1 ? 8 : Infinity);
    if (end > to || number === 0) return undefined;
    fields.push({ number, wire, start: at, payload: length?.[1] ?? tag[1], end });
    at = end;
  }
  return fields;
}

const encode = (value: bigint): Buffer => {
  const bytes: number[] = [];
  let rest = value;
  do {
    bytes.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Buffer.from(bytes);
};

const tag = (number: number, wire: number): Buffer => encode(BigInt(number * 8 + wire));

/** Replaces bytes and mends the lengths of all messages around. */
function replace(bytes: Buffer, path: Field[], from: number, to: number, by: Buffer): Buffer {
  let inner = Buffer.concat([
    bytes.subarray(path.at(-1)?.payload ?? 0, from),
    by,
    bytes.subarray(to, path.at(-1)?.end ?? bytes.length),
  ]);
  for (let i = path.length - 1; i >= 0; i--) {
    const { number, start, end } = path[i]!;
    const outer = path[i - 1];
    const field = Buffer.concat([tag(number, 2), encode(BigInt(inner.length)), inner]);
    inner = Buffer.concat([
      bytes.subarray(outer?.payload ?? 0, start),
      field,
      bytes.subarray(end, outer?.end ?? bytes.length),
    ]);
  }
  return inner;
}

const LENGTHS = [0n, 1n, 2n ** 31n - 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n];

/** Changes one field, at any depth. */
export function mutateWire(random: Random, bytes: Buffer): [Buffer, string] {
  const path: Field[] = [];
  let fields = fieldsIn(bytes, 0, bytes.length);
  if (!fields || fields.length === 0) return [bytes, 'nothing'];
  for (;;) {
    const field: Field = random.pick(fields);
    const inner = field.wire === 2 && field.end > field.payload ? fieldsIn(bytes, field.payload, field.end) : undefined;
    if (inner && path.length < 6 && random.chance(0.7)) {
      path.push(field);
      fields = inner;
      continue;
    }
    return change(random, bytes, path, field);
  }
}

function change(random: Random, bytes: Buffer, path: Field[], field: Field): [Buffer, string] {
  const { number, wire, start, payload, end } = field;
  const where = [...path, field].map((each) => each.number).join('.');
  const whole = bytes.subarray(start, end);
  const count = random.pick([2, 3, 1000]);
  const repeated = Buffer.concat(Array.from({ length: whole.length * count < 2e6 ? count : 2 }, () => whole));
  const length = random.pick(LENGTHS);
  const number2 = random.pick([1, 2, 3, 5, 7, 8, 9, 14, 20, 25, 1000, 2 ** 28]);
  const options: [string, Buffer][] = [
    ['gone', Buffer.alloc(0)],
    ['repeated', repeated],
    [`as field ${number2}`, Buffer.concat([tag(number2, wire), bytes.subarray(tag(number, wire).length + start, end)])],
    [`as wire type`, Buffer.concat([tag(number, random.below(8)), bytes.subarray(payload, end)])],
    [`of length ${length}`, Buffer.concat([tag(number, 2), encode(length), bytes.subarray(payload, end)])],
    [`as number ${length}`, Buffer.concat([tag(number, 0), encode(length)])],
    ['cut', bytes.subarray(start, start + Math.max(1, Math.floor((end - start) / 2)))],
    ['with an endless number', Buffer.concat([tag(number, 0), Buffer.alloc(random.pick([10, 11, 5000]), 0xff)])],
    ['in groups', Buffer.concat(Array.from({ length: random.pick([1, 100, 20_000]) }, () => tag(number, 3)))],
  ];
  const [what, by] = random.pick(options);
  return [replace(bytes, path, start, end, by), `field ${where} ${what}`];
}
