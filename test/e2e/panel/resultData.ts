/** A saved result of the attention panel, and what a second run says of it. */
import { checkResult } from '../../../src/protocol/resultCheck';
import type { ResultFile } from '../../../src/protocol/resultFile';
import type { ResultPage } from '../../../src/protocol/resultPage';
import { referenceFixture } from './fixture';

const { tokens } = referenceFixture(process.cwd());

export const savedResult: ResultFile = {
  checkpoint: { name: 'attn-only-2l', path: '../models/attn-only-2l', weights: 'aa', config: 'bb' },
  ...{ circuitscope: '0.1.0', created: '2026-11-22T15:00:00.000Z', source: 'total.ts:4–9' },
  ids: tokens.map(({ id }) => id),
  tokens: tokens.map(({ text }) => text),
  view: { panel: 'attention', head: 'L1H5', weighting: 'pattern', reduction: 'one', destination: 27 },
  numbers: {
    headScores: { 'L1H5 induction': 0.8612, 'L1H5 ovCopying': 0.61, 'L1H5 previousToken': 0.012 },
    loss: { mean: 3.2 },
    nextTokens: { 'after 27: ( (#7)': 0.91, 'after 27:   (#12)': 0.02 },
    sources: { '27 → 3': 0.8304, '27 → 0': 0.0712, '27 → 1': 0.01 },
  },
};
/** A saved result with its checkpoint in place. */
export const resultPage: ResultPage = {
  file: 'head.circuitscope.json',
  result: savedResult,
  checkpoint: { ...savedResult.checkpoint, at: '/models/attn-only-2l', changes: [] },
};
/** Patterns of another tool's file: no checkpoint, no numbers. */
export const importedPage: ResultPage = {
  file: 'patterns.circuitscope.json',
  result: {
    checkpoint: { name: 'patterns.json', path: 'patterns.json', weights: '' },
    ...{ circuitscope: '0.1.0', created: '2026-11-22T15:00:00.000Z', source: 'patterns.json' },
    ...{ ids: [], tokens: savedResult.tokens, view: { panel: 'attention' }, numbers: {} },
    patterns: [
      { head: 'L0H0', rows: tokens.map((_, dst) => [...Array<number>(dst).fill(0), 1].join(' ')) },
      {
        head: 'L0H1',
        rows: tokens.map((_, dst) => (dst === 0 ? '1' : [...Array<number>(dst - 1).fill(0), 0.75, 0.25].join(' '))),
      },
    ],
  },
};
/** It was run again, and two numbers differ. */
export const resultCheck = checkResult(savedResult, {
  ...{ checkpoint: { ...savedResult.checkpoint, weights: 'other' }, otherTokens: false, notices: [] },
  tokens: tokens.map((token) => ({ ...token, start: 0, end: 0 })),
  numbers: { ...savedResult.numbers, sources: { '27 → 3': 0.41, '27 → 0': 0.0712 } },
});
