import type { AnyPoint } from '../protocol/trainingPanel';

/** Points that are kept of a training; a chart shows no more. */
const MOST = 2000;

const isMeasured = (point: AnyPoint): boolean => 'lossByPosition' in point && point.lossByPosition !== undefined;

/** Points of a training in the order of their steps. */
export class TrainingHistory {
  private kept: AnyPoint[] = [];

  constructor(private readonly most = MOST) {}

  get points(): readonly AnyPoint[] {
    return this.kept;
  }

  /** What a folder has; behind its last point stays what was reported up to the step that was saved. */
  take(points: readonly AnyPoint[], saved: number): void {
    const last = points.at(-1)?.step ?? 0;
    this.kept = [...points, ...this.kept.filter(({ step }) => step > last && step <= saved)];
    while (this.kept.length > this.most) this.thin();
  }

  /** @returns index of the first point that is another than before */
  add(point: AnyPoint): number {
    // a training goes on from its last save: what came behind that is taken again
    let from = this.kept.length;
    while (from > 0 && this.kept[from - 1]!.step >= point.step) from--;
    this.kept.length = from;
    this.kept.push(point);
    if (this.kept.length <= this.most) return from;
    this.thin();
    return 0;
  }

  /** Every other point goes; of those with measured heads, only where they are most of all. The last stays. */
  private thin(): void {
    const measured = this.kept.filter(isMeasured).length;
    const thinMeasured = measured > this.kept.length / 2;
    let nth = 0;
    this.kept = this.kept.filter(
      (point, i) => i === this.kept.length - 1 || isMeasured(point) !== thinMeasured || nth++ % 2 === 0,
    );
  }
}
