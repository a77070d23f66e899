/** Small reads of a matrix that readout, tip and strip share. */
import * as l10n from '@vscode/l10n';
import { headName } from '../../src/protocol/checkpoint';
import type { AttentionView } from '../../src/protocol/attentionPanel';
import type { Side } from '../../src/protocol/selection';
import type { Drawn } from './store';

export interface Ranked {
  token: number;
  weight: number;
  /** `L1H5`, in the maximum over heads. */
  head?: string;
}

export const weightAt = ({ matrix }: Drawn, destination: number, source: number): number =>
  matrix.values[destination * matrix.n + source] ?? 0;

/** Which head holds the maximum at a cell. */
export function headAt({ matrix }: Drawn, destination: number, source: number, nHeads: number): string | undefined {
  const index = matrix.argHead?.[destination * matrix.n + source];
  return index === undefined ? undefined : headName({ layer: Math.floor(index / nHeads), head: index % nHeads });
}

/** Weights of a token's row (as destination) or column (as source), by token. */
export function weightsOf(drawn: Drawn, side: Side, token: number): Float32Array {
  const { n, values } = drawn.matrix;
  if (side === 'destination') return values.subarray(token * n, (token + 1) * n);
  const column = new Float32Array(n);
  for (let destination = 0; destination < n; destination++) column[destination] = values[destination * n + token] ?? 0;
  return column;
}

/** The `k` largest weights of a token's row or column, largest first, zeros left out; `skip`: a token not to name. */
export function strongest(drawn: Drawn, side: Side, token: number, k: number, nHeads: number, skip = -1): Ranked[] {
  const best: Ranked[] = [];
  weightsOf(drawn, side, token).forEach((weight, other) => {
    if (other === skip || weight <= 0 || (best.length === k && weight <= best[k - 1]!.weight)) return;
    const place = best.findIndex((b) => b.weight < weight);
    best.splice(place < 0 ? best.length : place, 0, { token: other, weight });
    best.length = Math.min(best.length, k);
  });
  const cell = (other: number): [number, number] => (side === 'destination' ? [token, other] : [other, token]);
  return best.map((b) => ({ ...b, head: headAt(drawn, ...cell(b.token), nHeads) }));
}

/** `L1H5`, `Mean of 16 heads`, `Max of 16 heads`. */
export function drawnName({ key }: Drawn, { analysis }: AttentionView): string {
  if (key.reduction === 'one' && key.head) return headName(key.head);
  const heads = analysis.nLayers * analysis.nHeads;
  return key.reduction === 'max' ? l10n.t('Max of {0} heads', heads) : l10n.t('Mean of {0} heads', heads);
}
