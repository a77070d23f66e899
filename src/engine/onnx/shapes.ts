/** Values of a foreign graph in the shapes of our hooks, and back. */
import { DataType, type Value } from '../graph/builder';
import type { Suffix } from './suffix';
import type { ForeignInputs, FoundHook } from './types';

/** Our hooks' own axes, by those that a value's numbers lie in. */
const OWN: Record<string, string> = { hqk: 'hqk', hpd: 'phd', dp: 'pd', pv: 'pv' };
const sorted = (letters: string): string => [...letters].sort().join('');
const ORDERS = new Map(Object.entries(OWN).map(([of, own]) => [sorted(of), own]));

/** A hook's axes without the batch, key/value heads being heads. */
export const lettersOf = ({ axes }: Pick<FoundHook, 'axes'>): string => axes.replace('b', '').replace('j', 'h');
const ownLetters = (hook: FoundHook): string => ORDERS.get(sorted(lettersOf(hook)))!;
const POSITIONS = 'pqk';

/** `x` with its axes `from` in the order of `to`. */
function reorder(g: Suffix, x: Value, from: string, to: string): Value {
  return from === to
    ? x
    : g.transpose(
        x,
        Array.from(to, (letter) => from.indexOf(letter)),
      );
}

/** The input that says how many rows of an export with a fixed length are of the prompt. */
export const ROWS = 'rows';

/** Converts the values of one graph. */
export class Shapes {
  constructor(private readonly inputs: ForeignInputs) {}

  /** Of an export with a fixed length only the prompt's rows. */
  toHook(g: Suffix, hook: FoundHook, value: Value): Value {
    const letters = lettersOf(hook);
    const float = hook.dtype === DataType.FLOAT ? value : g.toFloat(value);
    const x = this.reshaped(
      g,
      float,
      Array.from(letters, (letter) => hook.sizes[letter] ?? -1),
    );
    const own = reorder(g, x, letters, ownLetters(hook));
    if (this.inputs.length === undefined) return own;
    const axes = this.positionAxes(hook);
    const ends = axes.length === 1 ? rows(g) : g.op('Concat', [rows(g), rows(g)], { axis: 0 });
    return g.op('Slice', [own, g.ints(axes.map(() => 0)), ends, g.ints(axes)]);
  }

  /** What stands for a hook's value in the graph. */
  fromHook(g: Suffix, hook: FoundHook, own: Value): Value {
    const whole = this.inputs.length === undefined ? own : this.padded(g, hook, own, this.inputs.length);
    const x = reorder(g, whole, ownLetters(hook), lettersOf(hook));
    const shaped = this.reshaped(g, x, hook.shape);
    return hook.dtype === DataType.FLOAT ? shaped : g.op('Cast', [shaped], { to: hook.dtype });
  }

  private positionAxes(hook: FoundHook): number[] {
    return Array.from(ownLetters(hook)).flatMap((letter, axis) => (POSITIONS.includes(letter) ? [axis] : []));
  }

  /** @param dims negative ones count the prompt's tokens: −1 is as many, −3 three times as many */
  private reshaped(g: Suffix, x: Value, dims: readonly number[]): Value {
    const open = dims.filter((dim) => dim < 0).length;
    if (open <= 1) return g.op('Reshape', [x, g.ints(dims.map((dim) => Math.max(dim, -1)))]);
    const n = this.tokens(g);
    const sizes = dims.map((dim) => (dim >= 0 ? g.ints([dim]) : dim === -1 ? n : g.op('Mul', [n, g.ints([-dim])])));
    return g.op('Reshape', [x, g.op('Concat', sizes, { axis: 0 })]);
  }

  /** How many tokens the graph runs on. `[1]` */
  private tokens(g: Suffix): Value {
    const { length, ids } = this.inputs;
    if (length !== undefined) return g.ints([length]);
    return g.op('Gather', [g.op('Shape', [ids]), g.ints([-1])], { axis: 0 });
  }

  /** With zeros after the prompt's rows, which no row before them sees. */
  private padded(g: Suffix, hook: FoundHook, x: Value, length: number): Value {
    const missing = g.op('Sub', [g.ints([length]), rows(g)]);
    const letters = Array.from(ownLetters(hook));
    const ends = letters.map((letter) => (POSITIONS.includes(letter) ? missing : g.ints([0])));
    const pads = g.op('Concat', [g.ints(letters.map(() => 0)), ...ends], { axis: 0 });
    return g.op('Pad', [x, pads]);
  }
}

const rows = (g: Suffix): Value => g.input(ROWS, DataType.INT64, [1]);
