import type { TrainingPoint } from '../../protocol/training';
import type { Point, StepValues } from './trainer';

/** Means of what steps measured: of numbers and lists of numbers; of anything else the last. */
export class Means<P extends Point> {
  private steps = 0;
  private tokens = 0;
  private seconds = 0;
  private sums: Record<string, unknown> = {};

  add(values: StepValues<P>, tokens: number, seconds: number): void {
    this.steps++;
    this.tokens += tokens;
    this.seconds += seconds;
    for (const [name, value] of Object.entries(values)) this.sums[name] = sum(this.sums[name], value);
  }

  /** The point of what was added, at `step`; then it begins anew. */
  take(step: number, tokens: number): P {
    const means = Object.entries(this.sums).map(([name, value]) => [name, divided(value, this.steps)]);
    const tokensPerSecond = this.seconds > 0 ? this.tokens / this.seconds : 0;
    const known: Pick<TrainingPoint, 'step' | 'tokens' | 'tokensPerSecond'> = { step, tokens, tokensPerSecond };
    this.steps = this.tokens = this.seconds = 0;
    this.sums = {};
    return { ...Object.fromEntries(means), ...known } as unknown as P;
  }
}

const isNumbers = (value: unknown): value is number[] => Array.isArray(value) && typeof value[0] === 'number';

function sum(before: unknown, value: unknown): unknown {
  if (before === undefined) return value;
  if (typeof value === 'number') return (before as number) + value;
  return isNumbers(value) ? value.map((each, i) => (before as number[])[i]! + each) : value;
}

function divided(value: unknown, by: number): unknown {
  if (typeof value === 'number') return value / by;
  return isNumbers(value) ? value.map((each) => each / by) : value;
}
