import { seededUniform } from '../../src/engine/circuits/random';

/** Seeded choices. The same seed gives the same choices on every machine. */
export class Random {
  private readonly next: () => number;

  constructor(seed: number) {
    this.next = seededUniform(seed);
  }

  /** Of a mutant: other seeds, kinds and indices give unrelated choices. */
  static of(seed: number, kind: string, index: number): Random {
    let hash = 2166136261;
    for (const char of `${seed}/${kind}/${index}`) hash = Math.imul(hash ^ char.codePointAt(0)!, 16777619);
    return new Random(hash);
  }

  /** 0 … n − 1 */
  below(n: number): number {
    return Math.floor(this.next() * n);
  }

  /** from … to, both included */
  between(from: number, to: number): number {
    return from + this.below(to - from + 1);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(values: readonly T[]): T {
    if (values.length === 0) throw new RangeError('nothing to pick from');
    return values[this.below(values.length)]!;
  }

  /** `n` of them (or all), each once. */
  some<T>(values: readonly T[], n: number): T[] {
    const left = [...values];
    return Array.from({ length: Math.min(n, left.length) }, () => left.splice(this.below(left.length), 1)[0]!);
  }
}
