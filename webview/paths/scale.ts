/** From 0 at the left to 1 at the right. */
export type Scale = (value: number) => number;

/** Holds all values, and zero. */
export function scaleOf(values: readonly number[]): Scale {
  const low = Math.min(0, ...values);
  const high = Math.max(0, ...values);
  return (value) => (value - low) / (high - low || 1);
}
