/** Vectors of every head and position, wherever in memory they lie, and whether two of such are the same ones. */

export interface Sizes {
  h: number;
  p: number;
  d: number;
}

/** Two values that stem from each other differ by rounding; float16 keeps 11 bits. */
const ROUNDING = 5e-3;

export class Vectors {
  private readonly strides: Sizes;

  /** @param order of the axes, outermost first, such as `hpd`; their sizes multiply to the length of `data` */
  constructor(
    private readonly data: Float32Array,
    readonly order: string,
    readonly sizes: Sizes,
  ) {
    this.strides = { h: 0, p: 0, d: 0 };
    let stride = 1;
    for (const axis of [...order].reverse() as (keyof Sizes)[]) {
      this.strides[axis] = stride;
      stride *= sizes[axis];
    }
  }

  at(h: number, p: number, d: number): number {
    return this.data[h * this.strides.h + p * this.strides.p + d * this.strides.d]!;
  }

  norm(h: number, p: number): number {
    let sum = 0;
    for (let d = 0; d < this.sizes.d; d++) sum += this.at(h, p, d) ** 2;
    return Math.sqrt(sum);
  }
}

export interface Likeness {
  /** |own| / |other| */
  ratio: number;
  /** Every number is the other's times the ratio; if not, vectors have the same lengths only (they were rotated). */
  exact: boolean;
}

/**
 * Whether `own` are `other`'s vectors, scaled and perhaps rotated. `own` may have fewer heads: one for each group of `other`'s.
 */
export function likeness(own: Vectors, other: Vectors): Likeness | undefined {
  const { h: heads, p: positions, d: width } = other.sizes;
  const group = heads / own.sizes.h;
  if (!Number.isInteger(group) || own.sizes.p !== positions || own.sizes.d !== width) return undefined;
  const places = Array.from({ length: heads * positions }, (_, i) => ({
    h: Math.floor(i / positions),
    p: i % positions,
  }));
  const norms = places.map(({ h, p }) => [own.norm(Math.floor(h / group), p), other.norm(h, p)] as const);
  const total = (which: 0 | 1): number => norms.reduce((sum, pair) => sum + pair[which], 0);
  const ratio = total(0) / total(1);
  const largest = norms.reduce((max, pair) => Math.max(max, pair[1]), 0);
  const near = (a: number, b: number): boolean => Math.abs(a / ratio - b) <= ROUNDING * largest;
  if (!(ratio > 0 && Number.isFinite(ratio)) || !norms.every(([a, b]) => near(a, b))) return undefined;
  const exact = places.every(({ h, p }) => {
    for (let d = 0; d < width; d++) if (!near(own.at(Math.floor(h / group), p, d), other.at(h, p, d))) return false;
    return true;
  });
  return { ratio, exact };
}
