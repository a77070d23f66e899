/** The loop of a training: step, report, save; goes on where the folder's training stopped. */
import * as l10n from '@vscode/l10n';
import type { MlsaePoint, ToyPoint, TrainingKind, TrainingPoint, TrainingReport } from '../../protocol/training';
import type { TrainingRecord, TrainingSummary } from '../../protocol/training';
import type { StoredArrays } from '../mlsae/corpus/store';
import { duration, partsComma } from '../mlsae/corpus/progress';
import { shownNotice } from '../mlsae/corpus/savedNotices';
import type { Steps } from '../runtime/types';
import { Means } from './means';
import { TrainingFolder, type Arrays, type Identity, type ResultFiles, type StoredTraining } from './store';

export type Point = MlsaePoint | ToyPoint;

/** What a step measured, but for what the trainer itself knows. */
export type StepValues<P extends TrainingPoint> = Omit<P, 'step' | 'tokens' | 'tokensPerSecond'>;

export interface Measurement<P extends TrainingPoint> {
  values: Partial<P>;
  attention?: TrainingReport['attention'];
}

/** What is trained. Its state changes only when a step (or `begin`, `restore`) has ended well. */
export interface Job<P extends Point> {
  kind: TrainingKind;
  dir: string;
  params: TrainingRecord['params'];
  identity: Identity;
  totalSteps: number;
  /** Steps between two saves. */
  saveEvery: number;
  /** Names in the folder that only this training may write. */
  results: string[];
  /** For the person; grows while it runs. */
  notices: string[];
  /** The state before step 1. */
  begin(steps: Steps): Promise<void>;
  /** The state that `save` gave. */
  restore(arrays: StoredArrays, place: unknown, steps: Steps): Promise<void>;
  /** Takes step `step` (from 1). */
  step(step: number, steps: Steps): Promise<{ tokens: number; values: StepValues<P> }>;
  /** After step `step`; undefined where nothing is measured. */
  measure?(step: number, steps: Steps): Promise<Measurement<P> | undefined>;
  /** All that later steps depend on, and the result's files. */
  save(step: number): Promise<{ arrays: Arrays; place: unknown; files: ResultFiles }>;
  /** What the progress line says of a point, behind step and loss. */
  line(point: P): string;
}

/** Points of the history at most, without those that are measured. */
const HISTORY = 1000;
/** Between two reports. */
const REPORT_MS = 500;

/**
 * Trains to the end. Cancelled (or failing), it saves what the last whole step left, then throws.
 * @throws InputError when the folder has another training
 */
export async function train<P extends Point>(job: Job<P>, steps: Steps): Promise<TrainingSummary> {
  const { kind, dir, identity, results } = job;
  const folder = await TrainingFolder.open(dir, { kind, identity, results });
  const run = new Run(job, folder, steps);
  if (!folder.before?.complete) await run.toTheEnd();
  return run.summary();
}

class Run<P extends Point> {
  private step: number;
  private tokens: number;
  private readonly history: P[];
  private readonly secondsBefore: number;
  private readonly start = performance.now();
  private readonly stepsBefore: number;
  private readonly saved: StoredTraining | undefined;
  private savedStep = -1;
  /** No more steps are taken. */
  private isEnding = false;
  private reportDue = 0;
  /** What the last report said. */
  private message: string | undefined;
  /** Steps of the job's own work: they let messages in, and show what is known of the training. */
  private readonly within: Steps = {
    step: (message) => this.steps.step(this.message ?? message, this.step / this.job.totalSteps),
  };
  /** Since the last point of the history, and since the last report. */
  private readonly means = { history: new Means<P>(), report: new Means<P>() };

  constructor(
    private readonly job: Job<P>,
    private readonly folder: TrainingFolder,
    private readonly steps: Steps,
  ) {
    this.saved = folder.before;
    this.step = this.stepsBefore = this.saved?.step ?? 0;
    this.tokens = this.saved?.tokens ?? 0;
    this.history = (this.saved?.history ?? []) as P[];
    this.secondsBefore = this.saved?.seconds ?? 0;
    for (const notice of this.saved?.notices ?? []) if (!job.notices.includes(notice)) job.notices.push(notice);
  }

  async toTheEnd(): Promise<void> {
    const { job, folder } = this;
    // before anything is computed: the folder may not be writable
    await folder.begin(this.record(this.saved?.place ?? null));
    const arrays = await folder.arrays();
    if (arrays) await job.restore(arrays, this.saved!.place, this.within);
    else await job.begin(this.within);
    this.savedStep = arrays ? this.step : -1;
    try {
      while (this.step < job.totalSteps) await this.next();
    } finally {
      // also when it was cancelled, or the training diverged
      this.isEnding = true;
      if (this.savedStep !== this.step) await this.save();
    }
  }

  private async next(): Promise<void> {
    const { job, means } = this;
    const started = performance.now();
    const { tokens, values } = await job.step(this.step + 1, this.within);
    this.step++;
    this.tokens += tokens;
    const seconds = (performance.now() - started) / 1000;
    for (const each of [means.history, means.report]) each.add(values, tokens, seconds);
    const measured = await job.measure?.(this.step, this.within);
    const isLast = this.step === job.totalSteps;
    const every = Math.ceil(job.totalSteps / HISTORY);
    if (measured || isLast || this.step % every === 0) this.history.push(this.point(means.history, measured));
    // first the save: a report may end in a cancellation
    if (this.step % job.saveEvery === 0 || isLast) await this.save();
    if (measured || isLast || performance.now() >= this.reportDue) await this.report(measured);
  }

  private point(means: Means<P>, measured: Measurement<P> | undefined): P {
    return { ...means.take(this.step, this.tokens), ...measured?.values };
  }

  private async report(measured: Measurement<P> | undefined): Promise<void> {
    const { job, step } = this;
    const { kind, dir, totalSteps } = job;
    const point = this.point(this.means.report, measured);
    const perStep = (performance.now() - this.start) / 1000 / Math.max(1, step - this.stepsBefore);
    const secondsLeft = perStep * (totalSteps - step);
    const { attention } = measured ?? {};
    const savedStep = Math.max(0, this.savedStep);
    const report = { kind, dir, point, totalSteps, savedStep, secondsLeft, ...(attention && { attention }) };
    const parts = [
      l10n.t('Step {0} of {1}', step, totalSteps),
      l10n.t('loss {0}', point.loss.toFixed(4)),
      job.line(point),
      l10n.t('{0} tokens/s', Math.round(point.tokensPerSecond).toLocaleString('en-US')),
      ...(step < totalSteps ? [l10n.t('{0} left', duration(secondsLeft))] : []),
    ];
    this.reportDue = performance.now() + REPORT_MS;
    this.message = parts.join(partsComma());
    await this.steps.step(this.message, step / totalSteps, report);
  }

  private async save(): Promise<void> {
    // a long training has a point only every so many steps: one that stops here, or is looked at, has curves up to here
    const last = this.history.at(-1)?.step ?? 0;
    if (this.step > Math.max(last, this.stepsBefore) && (this.isEnding || last === 0))
      this.history.push(this.point(this.means.history, undefined));
    const { arrays, place, files } = await this.job.save(this.step);
    await this.folder.save(this.record(place), arrays, files);
    this.savedStep = this.step;
  }

  private record(place: unknown): Omit<StoredTraining, 'version' | 'writer' | 'state'> {
    const { job, step, tokens, history } = this;
    const { kind, identity, params, totalSteps, notices } = job;
    const complete = step === totalSteps;
    return {
      ...{ kind, identity, params, step, totalSteps, tokens },
      ...{ seconds: this.seconds(), complete, notices, history, place },
    };
  }

  private seconds(): number {
    const own = this.saved?.complete ? 0 : (performance.now() - this.start) / 1000;
    return this.secondsBefore + own;
  }

  summary(): TrainingSummary {
    const { job, step, tokens, history } = this;
    const { dir, kind, totalSteps } = job;
    const notices = job.notices.map(shownNotice);
    const last = history.at(-1) ?? this.point(this.means.history, undefined);
    return {
      dir,
      kind,
      step,
      totalSteps,
      tokens,
      seconds: this.seconds(),
      complete: step === totalSteps,
      last,
      notices,
    };
  }
}
