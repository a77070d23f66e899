/**
 * The places where each latent is most active at each layer: the largest activations, one a text at most, of equal ones those
 * that come first in the corpus. Memory depends on the number of latents only.
 */
import type { Codes } from '../distributions';
import type { Sequence } from './sequences';

/** Tokens kept before and behind the place. */
const BEFORE = 16;
const BEHIND = 8;
export const WINDOW = BEFORE + 1 + BEHIND;

/** Entries of every (layer, latent); those that are not used have value 0. */
export interface ExampleArrays {
  /** `[layer, latent, example]` */
  value: Float32Array;
  /** Where the text is in the corpus: orders texts. `[layer, latent, example]` */
  place: Float64Array;
  /** Index of the file, and line or row in it. `[layer, latent, example]` */
  file: Int32Array;
  row: Int32Array;
  /** Index of the place in the window. `[layer, latent, example]` */
  at: Int32Array;
  /** Token ids, -1 where the text is over, and the latent's activations. `[layer, latent, example, WINDOW]` */
  ids: Int32Array;
  activations: Float32Array;
}

export const PER_EXAMPLE = ['value', 'place', 'file', 'row', 'at'] as const;
export const PER_TOKEN = ['ids', 'activations'] as const;

export const noExamples = (n: number): ExampleArrays => ({
  value: new Float32Array(n),
  place: new Float64Array(n),
  file: new Int32Array(n),
  row: new Int32Array(n),
  at: new Int32Array(n),
  ids: new Int32Array(n * WINDOW).fill(-1),
  activations: new Float32Array(n * WINDOW),
});

/** A text's position in the corpus as one number: texts have fewer than 2^18 tokens. */
export const placeOf = ({ part, start }: Pick<Sequence, 'part' | 'start'>): number => part * 2 ** 20 + start;

export class Examples {
  /** Smallest value kept of each (layer, latent), 0 while there is room. */
  private readonly least: Float32Array;
  private readonly strongest: Float32Array;
  private readonly strongestAt: Int32Array;
  /** Of one text and layer: the last entry of every latent, and of every entry the one before it of the same latent. */
  private readonly last: Int32Array;
  private before = new Int32Array(0);

  /** @param per examples of each (layer, latent) */
  constructor(
    private readonly nLatents: number,
    nLayers: number,
    readonly per: number,
    readonly arrays: ExampleArrays = noExamples(nLayers * nLatents * per),
  ) {
    this.least = new Float32Array(nLayers * nLatents);
    this.strongest = new Float32Array(nLatents);
    this.strongestAt = new Int32Array(nLatents);
    this.last = new Int32Array(nLatents);
    for (let pair = 0; pair < this.least.length; pair++) if (!this.isEmpty(pair)) this.findLeast(pair);
  }

  /** They are put into the first slot first, and in order. */
  private isEmpty(pair: number): boolean {
    return !(this.arrays.value[pair * this.per]! > 0);
  }

  /** Looks at a text, which must come after all before it. */
  offer(sequence: Sequence, codes: Codes): void {
    if (this.per === 0) return;
    const touched = new Int32Array(Math.min(this.nLatents, codes.nTokens * codes.k));
    this.before = new Int32Array(codes.nTokens * codes.k);
    for (let layer = 0; layer < codes.layers.length; layer++) {
      const n = this.findStrongest(codes, layer, touched);
      for (let i = 0; i < n; i++) {
        const latent = touched[i]!;
        const value = this.strongest[latent]!;
        this.strongest[latent] = 0;
        const pair = layer * this.nLatents + latent;
        if (value > this.least[pair]!) this.put(pair, latent, layer, value, sequence, codes);
      }
    }
  }

  /** The largest activation of every latent that is active at a layer. @returns their number */
  private findStrongest({ nTokens, k, indices, values }: Codes, layer: number, touched: Int32Array): number {
    const { strongest, strongestAt, last, before } = this;
    let n = 0;
    const start = layer * nTokens * k;
    for (let i = 0; i < nTokens * k; i++) {
      const value = values[start + i]!;
      if (!(value > 0)) continue;
      const latent = indices[start + i]!;
      const isFirst = strongest[latent] === 0;
      if (isFirst) touched[n++] = latent;
      before[i] = isFirst ? -1 : last[latent]!;
      last[latent] = i;
      if (!(value > strongest[latent]!)) continue;
      strongest[latent] = value;
      strongestAt[latent] = Math.floor(i / k);
    }
    return n;
  }

  private put(pair: number, latent: number, layer: number, value: number, sequence: Sequence, codes: Codes): void {
    const { arrays } = this;
    const token = this.strongestAt[latent]!;
    const slot = this.weakest(pair);
    const from = Math.max(0, token - BEFORE);
    const to = Math.min(codes.nTokens, token + 1 + BEHIND);
    arrays.value[slot] = value;
    arrays.place[slot] = placeOf(sequence);
    arrays.file[slot] = sequence.file;
    arrays.row[slot] = sequence.row;
    arrays.at[slot] = token - from;
    for (let w = 0; w < WINDOW; w++) {
      arrays.ids[slot * WINDOW + w] = from + w < to ? sequence.ids[from + w]! : -1;
      arrays.activations[slot * WINDOW + w] = 0;
    }
    const start = layer * codes.nTokens * codes.k;
    for (let i = this.last[latent]!; i >= from * codes.k; i = this.before[i]!)
      if (i < to * codes.k)
        arrays.activations[slot * WINDOW + Math.floor(i / codes.k) - from] = codes.values[start + i]!;
    this.findLeast(pair);
  }

  /** The slot that goes first: an empty one, the smallest value, of equal ones the last in the corpus. */
  private weakest(pair: number): number {
    let slot = pair * this.per;
    for (let other = slot + 1; other < (pair + 1) * this.per; other++) if (this.compare(other, slot) > 0) slot = other;
    return slot;
  }

  private findLeast(pair: number): void {
    if (this.per > 0) this.least[pair] = this.arrays.value[this.weakest(pair)]!;
  }

  private compare(a: number, b: number): number {
    const { value, place } = this.arrays;
    return value[b]! - value[a]! || place[a]! - place[b]!;
  }

  /** Puts the examples of every (layer, latent) in order, strongest first. */
  sort(): void {
    for (let pair = 0; pair < this.least.length; pair++) {
      if (this.isEmpty(pair)) continue;
      const first = pair * this.per;
      for (let slot = first + 1; slot < first + this.per; slot++)
        for (let at = slot; at > first && this.compare(at - 1, at) > 0; at--) swap(this.arrays, at - 1, at);
    }
  }

  /** Takes those of another part of the corpus. */
  addExamples(other: ExampleArrays): void {
    for (let slot = 0; slot < other.value.length; slot++) {
      if (!(other.value[slot]! > 0)) continue;
      const pair = Math.floor(slot / this.per);
      const weakest = this.weakest(pair);
      const { value, place } = this.arrays;
      const order = value[weakest]! - other.value[slot]! || other.place[slot]! - place[weakest]!;
      if (order < 0) copy(other, slot, this.arrays, weakest);
    }
  }
}

function copy(from: ExampleArrays, source: number, to: ExampleArrays, target: number): void {
  // by name and in turn: three times as fast as over PER_EXAMPLE and views of the windows
  to.value[target] = from.value[source]!;
  to.place[target] = from.place[source]!;
  to.file[target] = from.file[source]!;
  to.row[target] = from.row[source]!;
  to.at[target] = from.at[source]!;
  for (let w = 0; w < WINDOW; w++) {
    to.ids[target * WINDOW + w] = from.ids[source * WINDOW + w]!;
    to.activations[target * WINDOW + w] = from.activations[source * WINDOW + w]!;
  }
}

const spare = noExamples(1);

function swap(arrays: ExampleArrays, a: number, b: number): void {
  copy(arrays, a, spare, 0);
  copy(arrays, b, arrays, a);
  copy(spare, 0, arrays, b);
}
