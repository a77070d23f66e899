/** Numbers and names that an ONNX file should not have. */

export const BIG = [2n ** 31n - 1n, 2n ** 31n, 2n ** 32n, 2n ** 40n, 2n ** 53n, 2n ** 63n - 1n, -1n, -(2n ** 63n)];
export const INTEGERS = [...BIG, 0n, 1n, 2n, 3n, 4n, 5n, 7n, 8n, 11n, 13n, 17n, 100n, -2n, -3n, 65536n];
export const NAMES = [
  '',
  'x',
  'a\u0000b',
  '__proto__',
  'constructor',
  'logits',
  'input_ids',
  'résidu',
  'n'.repeat(3000),
  'a/b:0',
];

/** For messages. */
export function shortList(list: readonly unknown[]): string {
  const shown = list.slice(0, 6).map((each) => String(each).slice(0, 40));
  return shown.join(', ') + (list.length > 6 ? `, … (${list.length})` : '');
}
