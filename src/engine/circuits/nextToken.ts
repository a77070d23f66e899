import type { Prediction } from '../../protocol/analysis';
import type { NextTokens } from '../runtime/types';
import { total } from './rows';

/** Bits of surprise of each token given those before it: −log2 p. NaN at 0, which nothing precedes. `[pos]` */
export function surprisalBits({ tokenLogProbs }: NextTokens): Float32Array {
  return tokenLogProbs.map((logProb) => -logProb / Math.LN2);
}

/** Mean cross-entropy of tokens 1 …, in nats; NaN for a single token. */
export function meanLoss({ tokenLogProbs }: NextTokens): number {
  const predicted = tokenLogProbs.subarray(1);
  return -total(predicted) / predicted.length;
}

/** The k most probable next tokens after each position, most probable first. `[pos][k]` */
export function predictions({ k, ids, logProbs }: NextTokens, tokenText: (id: number) => string): Prediction[][] {
  const nPositions = k === 0 ? 0 : ids.length / k;
  return Array.from({ length: nPositions }, (_, position) =>
    Array.from({ length: k }, (_, rank) => {
      const at = position * k + rank;
      const id = ids[at]!;
      return { id, text: tokenText(id), p: Math.exp(logProbs[at]!) };
    }),
  );
}
