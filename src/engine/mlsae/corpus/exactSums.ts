/** Sums that are the same in whatever order, and however grouped, their terms are added. */

/** Terms are rounded to multiples of 2^-40 and added as integers. */
const UNIT = 2 ** 40;

/** As many sums as the first term has numbers. */
export class ExactSums {
  private units: bigint[];

  constructor(length: number) {
    this.units = Array.from({ length }, () => 0n);
  }

  static fromJSON(stored: string[]): ExactSums {
    const sums = new ExactSums(0);
    sums.units = stored.map(BigInt);
    return sums;
  }

  /** @param terms finite numbers */
  add(terms: number[]): void {
    this.units = this.units.map((sum, i) => sum + BigInt(Math.round(terms[i]! * UNIT)));
  }

  addSums(other: ExactSums): void {
    this.units = this.units.map((sum, i) => sum + other.units[i]!);
  }

  get values(): number[] {
    return this.units.map((sum) => Number(sum) / UNIT);
  }

  toJSON(): string[] {
    return this.units.map(String);
  }
}
