/** Next tokens of logits in parts of the vocabulary, against softmax of the whole in float64. */
import assert from 'node:assert/strict';
import { Tensor } from 'onnxruntime-node';
import { partOutputs } from '../../src/engine/graph/nextTokens';
import type { VocabularyPart } from '../../src/engine/graph/vocabularyPart';
import { joinParts, type PartOfNextTokens } from '../../src/engine/runtime/vocabularyParts';
import { assertLogProbs, logProbs64 } from './support/closeness';
import { randomTensor } from './support/files';

const [ROWS, TOKENS] = [5, 23];
const PARTS: VocabularyPart[] = [[0, 2], [2, 12], [12, 23]]; // prettier-ignore
const TARGETS = BigInt64Array.of(0n, 1n, 2n, 11n, 22n);

const byLogit = (row: number[]): number[] => [...row.keys()].sort((a, b) => row[b]! - row[a]!);
const rowsOf = (logits: Float32Array): number[][] =>
  Array.from({ length: ROWS }, (_, row) => [...logits.subarray(row * TOKENS, (row + 1) * TOKENS)]);

/** What a part's graph gives, of rows [first, end). */
function chunk(
  rows: number[][],
  [from, to]: VocabularyPart,
  k: number,
  first: number,
  end: number,
): Record<string, Tensor> {
  const own = rows.slice(first, end).map((row) => row.slice(from, to));
  const kept = own.map((row) => byLogit(row).slice(0, k));
  const of = (values: number[][]): Tensor =>
    new Tensor('float32', Float32Array.from(values.flat()), [values.length, values[0]!.length]);
  const log = logProbs64({ shape: [own.length, to - from], data: Float32Array.from(own.flat()) });
  const target = own.map((row, i) => [row[Math.min(Math.max(Number(TARGETS[first + i]) - from, 0), row.length - 1)]!]);
  return {
    [partOutputs.ids]: new Tensor('int64', BigInt64Array.from(kept.flat(), BigInt), [own.length, kept[0]!.length]),
    [partOutputs.logits]: of(own.map((row, i) => kept[i]!.map((id) => row[id]!))),
    [partOutputs.firstLogProb]: of(own.map((_, i) => [log[i]![kept[i]![0]!]!])),
    [partOutputs.targetLogits]: of(target),
  };
}

const parts = (logits: Float32Array, k: number): PartOfNextTokens[] =>
  PARTS.map((part) => ({ part, chunks: [[0, 3], [3, ROWS]].map(([a, b]) => chunk(rowsOf(logits), part, k, a!, b!)) })); // prettier-ignore

describe('next tokens of parts of the vocabulary', () => {
  for (const { name, scale, offset } of [
    { name: 'of logits around 0', scale: 3, offset: 0 },
    { name: 'of logits far from 0', scale: 3, offset: -3000 },
    { name: 'where one token has all', scale: 300, offset: 0 },
  ])
    it(`are those of the whole ${name}`, () => {
      const logits = Float32Array.from(randomTensor([ROWS, TOKENS], 7, scale).data, (value) => value + offset);
      const k = 4;
      const { ids, logProbs, targetLogProbs } = joinParts(parts(logits, k), TARGETS, k);
      const expected = logProbs64({ shape: [ROWS, TOKENS], data: logits });
      const best = rowsOf(logits).map((row) => byLogit(row).slice(0, k));
      assert.deepEqual([...ids], best.flat());
      assertLogProbs('top', logProbs, best.flatMap((row, i) => row.map((id) => expected[i]![id]!))); // prettier-ignore
      assertLogProbs('targets', targetLogProbs, [...TARGETS].map((id, i) => expected[i]![Number(id)]!)); // prettier-ignore
    });

  it('have the lower id first where logits are equal', () => {
    const { ids } = joinParts(parts(new Float32Array(ROWS * TOKENS).fill(1.5), 4), TARGETS, 4);
    assert.deepEqual([...ids.subarray(0, 4)], [0, 1, 2, 3]);
  });
});
