/** Which activation a foreign MLP has, told from what it makes of numbers between −6 and 6. */
import type { Activation } from '../checkpoint/description';

/** Abramowitz and Stegun 7.1.26, within 1.5e-7. */
function erf(x: number): number {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const tail =
    t *
    (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429)))) *
    Math.exp(-x * x);
  return Math.sign(x) * (1 - tail);
}

const FORMULAS: Record<Activation, (x: number) => number> = {
  gelu: (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
  gelu_new: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  silu: (x) => x / (1 + Math.exp(-x)),
  relu: (x) => Math.max(0, x),
};

/** The i-th of the numbers that are tried; spread, and no two alike. */
export const testPoint = (i: number): number => 12 * ((i * 0.6180339887498949 + 0.05) % 1) - 6;

/** What float16 leaves of numbers up to 6. The two forms of GELU differ by less, so the nearest is taken. */
const BAR = 0.02;

/** @param y what became of `testPoint(0)`, `testPoint(1)`, … */
export function activationOf(y: ArrayLike<number>): Activation | undefined {
  const points = Math.min(y.length, 2048);
  let best: { act: Activation; squares: number; worst: number } | undefined;
  for (const [act, formula] of Object.entries(FORMULAS) as [Activation, (x: number) => number][]) {
    let [squares, worst] = [0, 0];
    for (let i = 0; i < points; i++) {
      const error = Math.abs(y[i]! - formula(testPoint(i)));
      squares += error ** 2;
      worst = Math.max(worst, error);
    }
    if (!best || squares < best.squares) best = { act, squares, worst };
  }
  return best && best.worst <= BAR ? best.act : undefined;
}
