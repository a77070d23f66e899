/** Changes to bytes of which nothing is known. Each says what it did. */
import type { Random } from './random';

const BYTES = [0, 1, 0x20, 0x22, 0x30, 0x39, 0x5b, 0x5d, 0x7b, 0x7d, 0x7f, 0x80, 0xff];

/** A range of the bytes, short ones more often. */
function range(random: Random, { length }: Uint8Array): [number, number] {
  const from = random.below(length + 1);
  const size = random.below(Math.min(length - from, 2 ** random.between(0, 16)) + 1);
  return [from, from + size];
}

type Change = (random: Random, bytes: Buffer, others: Buffer[]) => [Buffer, string];

const CHANGES: Change[] = [
  (random, bytes) => {
    const changed = Buffer.from(bytes);
    const count = changed.length > 0 ? random.between(1, 8) : 0;
    const at = Array.from({ length: count }, () => random.below(Math.min(changed.length, 2 ** random.between(4, 24))));
    for (const i of at) changed[i]! ^= 1 << random.below(8);
    return [changed, `bits flipped at ${at.join(', ')}`];
  },
  (random, bytes) => {
    const changed = Buffer.from(bytes);
    const [from, to] = range(random, changed);
    const value = random.pick(BYTES);
    changed.fill(value, from, to);
    return [changed, `bytes ${from}–${to} set to ${value}`];
  },
  (random, bytes) => {
    const length = random.chance(0.5)
      ? random.below(bytes.length + 1)
      : Math.max(0, bytes.length - random.between(1, 16));
    return [bytes.subarray(0, length), `cut to ${length} bytes`];
  },
  (random, bytes) => {
    const more = random.pick([1, 7, 8, 4096, 70_000]);
    return [Buffer.concat([bytes, Buffer.alloc(more, random.pick(BYTES))]), `${more} bytes more`];
  },
  (random, bytes) => {
    const [from, to] = range(random, bytes);
    return [Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]), `without bytes ${from}–${to}`];
  },
  (random, bytes) => {
    const [from, to] = range(random, bytes);
    const at = random.below(bytes.length + 1);
    const parts = [bytes.subarray(0, at), bytes.subarray(from, to), bytes.subarray(at)];
    return [Buffer.concat(parts), `bytes ${from}–${to} again at ${at}`];
  },
  (random, bytes, others) => {
    const other = others.length > 0 ? random.pick(others) : bytes;
    const [from, to] = range(random, other);
    const at = random.below(bytes.length + 1);
    const parts = [bytes.subarray(0, at), other.subarray(from, to), bytes.subarray(at + to - from)];
    return [Buffer.concat(parts), `${to - from} bytes of another file at ${at}`];
  },
];

/** @param others files of the same kind, to splice with */
export const mutateBytes = (random: Random, bytes: Buffer, others: Buffer[]): [Buffer, string] =>
  random.pick(CHANGES)(random, bytes, others);
