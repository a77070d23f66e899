// The smallest thing worth looking at:
// a name that is said twice.

export function add(a: number, b: number): number {
  return a + b;
}

const total = add(1, 2);
console.log(total);

export class Ledger {
  private readonly rows: number[] = [];

  push(amount: number): this {
    this.rows.push(amount);
    return this;
  }

  get balance(): number {
    return this.rows.reduce(add, 0);
  }
}

export const ledger = new Ledger()
  .push(total)
  .push(add(total, 4));
