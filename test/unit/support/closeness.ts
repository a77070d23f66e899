import assert from 'node:assert/strict';

export interface Numbers {
  shape: number[];
  data: ArrayLike<number>;
}

/** DESIGN, "How good": every hook within this of a float64 reference, relative to the largest value. */
export const HOOK_BAR = 1e-4;

/**
 * Largest difference over the largest finite reference value (or `atLeast`). Fails unless shapes are equal and -Infinity
 * (and NaN) stands in the same places.
 */
function relativeError(name: string, actual: Numbers, expected: Numbers, atLeast: number): number {
  assert.deepEqual([...actual.shape], expected.shape, `shape of ${name}`);
  assert.equal(actual.data.length, expected.data.length, `length of ${name}`);
  let [worst, largest] = [0, atLeast];
  for (let i = 0; i < expected.data.length; i++) {
    const [a, e] = [actual.data[i]!, expected.data[i]!];
    if (Number.isFinite(e) && Number.isFinite(a)) {
      worst = Math.max(worst, Math.abs(a - e));
      largest = Math.max(largest, Math.abs(e));
    } else assert.ok(Object.is(a, e), `${name} is ${a} where the reference is ${e}, at ${i}`);
  }
  return worst === 0 ? 0 : worst / largest;
}

/** @returns the relative error, which is at most `bar` */
export function assertClose(name: string, actual: Numbers, expected: Numbers, bar = HOOK_BAR, atLeast = 0): number {
  const error = relativeError(name, actual, expected, atLeast);
  assert.ok(error <= bar, `${name} differs by ${error} of its largest value, more than ${bar}`);
  return error;
}

/** As assertClose, for natural log-probabilities: on the scale of 1 nat at least, where 1e-4 is 1e-4 of the probability. */
export const assertLogProbs = (name: string, actual: ArrayLike<number>, expected: number[]): number =>
  assertClose(
    name,
    { shape: [actual.length], data: actual },
    { shape: [expected.length], data: expected },
    HOOK_BAR,
    1,
  );

/** Natural log-softmax of each row of logits `[pos, d_vocab]`, in float64. */
export function logProbs64({ shape, data }: Numbers): number[][] {
  const [nPos, dVocab] = shape as [number, number];
  return Array.from({ length: nPos }, (_, pos) => {
    const row = Array.from({ length: dVocab }, (_, i) => data[pos * dVocab + i]!);
    const top = row.reduce((a, b) => Math.max(a, b));
    const logTotal = Math.log(row.reduce((sum, logit) => sum + Math.exp(logit - top), 0));
    return row.map((logit) => logit - top - logTotal);
  });
}
