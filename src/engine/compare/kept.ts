/** Patterns that a comparison has read, so that the next question about the same prompt runs nothing. */
import { totalmem } from 'node:os';
import { patternBytes, type LayerPattern } from '../runtime/patternRows';
import type { ModelRunner } from '../runtime/types';

/** Of GPT-2 small's shape both sides of 1024 tokens take 1.2 GB: the layers that were read last are kept. */
const BUDGET = Math.min(1e9, totalmem() / 8);

/** One layer of a run. */
export interface LayerRun {
  pattern: LayerPattern;
  /** ‖v_s W_O‖, `[head, source]`; missing where nobody asked for it. */
  valueNorm?: Float32Array;
}

interface Kept {
  runner: ModelRunner;
  layer: number;
  run: LayerRun;
}

const bytesOf = ({ run: { pattern, valueNorm } }: Kept): number => patternBytes(pattern) + (valueNorm?.byteLength ?? 0);

/** Layers of the last prompt that was compared, of both checkpoints, at most `budget` bytes together. */
export class KeptRuns {
  private prompt = '';
  /** What was read last is last. */
  private kept: Kept[] = [];

  constructor(private readonly budget = BUDGET) {}

  /** Bytes that are held now. */
  get bytes(): number {
    return this.kept.reduce((sum, each) => sum + bytesOf(each), 0);
  }

  get(runner: ModelRunner, ids: readonly number[], layer: number): LayerRun | undefined {
    const found = ids.join() === this.prompt ? this.find(runner, layer) : undefined;
    if (found) this.kept = [...this.kept.filter((each) => each !== found), found];
    return found?.run;
  }

  /** What was kept of another prompt goes; over the budget, what was not read for longest. */
  add(runner: ModelRunner, ids: readonly number[], layer: number, run: LayerRun): void {
    if (ids.join() !== this.prompt) this.clear();
    this.prompt = ids.join();
    const old = this.find(runner, layer);
    this.kept = [...this.kept.filter((each) => each !== old), { runner, layer, run }];
    for (let { bytes } = this; bytes > this.budget;) bytes -= bytesOf(this.kept.shift()!);
  }

  /** A checkpoint was closed: what was compared with it is not asked about again. */
  forget(runner: ModelRunner): void {
    if (this.kept.some((each) => each.runner === runner)) this.clear();
  }

  clear(): void {
    this.kept = [];
  }

  private find(runner: ModelRunner, layer: number): Kept | undefined {
    return this.kept.find((each) => each.runner === runner && each.layer === layer);
  }
}
