import type { PatternMatrix } from '../protocol/analysis';
import type { MatrixKey } from '../protocol/attentionPanel';

/** Numbers kept: 32 MB of float32. */
const LIMIT = 8 * 2 ** 20;

const nameOf = ({ analysisId, reduction, weighting, head }: MatrixKey): string =>
  [analysisId, reduction, weighting, reduction === 'one' ? `${head?.layer}.${head?.head}` : ''].join('/');

/** The matrices that were looked at last. */
export class MatrixCache {
  private readonly entries = new Map<string, PatternMatrix>();

  get(key: MatrixKey): PatternMatrix | undefined {
    const name = nameOf(key);
    const found = this.entries.get(name);
    if (found) {
      this.entries.delete(name);
      this.entries.set(name, found);
    }
    return found;
  }

  set(key: MatrixKey, matrix: PatternMatrix): void {
    this.entries.set(nameOf(key), matrix);
    let total = [...this.entries.values()].reduce((sum, m) => sum + m.values.length, 0);
    for (const [name, old] of this.entries) {
      if (total <= LIMIT || old === matrix) break;
      this.entries.delete(name);
      total -= old.values.length;
    }
  }
}
