/** Numbers as panels write them: tabular, with a true minus sign; what is not a number is a dash. */
const minus = (text: string): string => text.replace('-', '−');
const NONE = '–';

export const fixed = (value: number, digits = 2): string => (Number.isNaN(value) ? NONE : minus(value.toFixed(digits)));

/** With its sign, also a plus; what rounds to nothing has none. */
export function signed(value: number, digits = 2): string {
  if (Number.isNaN(value)) return NONE;
  const text = value.toFixed(digits);
  if (Number(text) === 0) return text.replace('-', '');
  return value > 0 ? `+${text}` : minus(text);
}

/** Two decimals; what they cannot tell from nothing with one digit and its power of ten. */
export function probability(p: number): string {
  if (Number.isNaN(p)) return NONE;
  if (p === 0 || p >= 0.005) return p.toFixed(2);
  return p >= 0.0005 ? p.toFixed(3) : minus(p.toExponential(0));
}
