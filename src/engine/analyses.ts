import * as l10n from '@vscode/l10n';
import type { Token } from '../protocol/analysis';
import type { Patterns } from './circuits/pattern';
import { GoneError } from './errors';
import { freeNow } from './freeNow';
import { patternArrays, patternBytes } from './runtime/patternRows';

/** A finished analysis: what later questions about it are answered from. */
export interface Analysis extends Patterns {
  checkpointId: string;
  tokens: Token[];
}

const bytesOf = ({ patterns, valueNorms }: Patterns): number =>
  patterns.reduce((sum, pattern) => sum + patternBytes(pattern), 0) +
  valueNorms.reduce((sum, { byteLength }) => sum + byteLength, 0);

/** Finished analyses by id. Over the byte budget the oldest are dropped; the newest always stays. */
export class Analyses {
  /** Oldest first. */
  private readonly byId = new Map<string, Analysis>();

  constructor(private readonly budget: number) {}

  add(id: string, analysis: Analysis): void {
    this.byId.set(id, analysis);
    let bytes = [...this.byId.values()].reduce((sum, each) => sum + bytesOf(each), 0);
    for (const [oldest, each] of this.byId) {
      if (bytes <= this.budget || oldest === id) break;
      bytes -= bytesOf(each);
      this.delete(oldest);
    }
  }

  /** @throws GoneError */
  get(id: string): Analysis {
    const analysis = this.byId.get(id);
    if (!analysis) throw new GoneError(l10n.t('This analysis is no longer held in memory: run it again.'));
    return analysis;
  }

  /** Nothing may hold on to the patterns: they are freed. */
  delete(id: string): void {
    const analysis = this.byId.get(id);
    this.byId.delete(id);
    if (analysis) freeNow(analysis.patterns.flatMap(patternArrays));
  }

  deleteOf(checkpointId: string): void {
    for (const [id, analysis] of this.byId) if (analysis.checkpointId === checkpointId) this.delete(id);
  }
}
