import * as path from 'node:path';
import * as vscode from 'vscode';
import type { EngineProgress } from '../protocol/engine';
import type { TrainingKind, TrainingRecord, TrainingResult } from '../protocol/training';
import type { TrainingAttention, TrainingInfo, TrainingPoints, TrainingState } from '../protocol/trainingPanel';
import { trainedLayers } from '../protocol/trainingTable';
import type { Ask } from './engineService';
import type { Log } from './log';
import { UNFINISHED_TRAININGS } from './names';
import { TrainingHistory } from './trainingHistory';
import { TrainingRun, type TrainingPlan } from './trainingRun';
import { sentence } from './work';
import { wantsOtherFolder } from './words';

export interface TrainingsParts {
  enginePath: string;
  log: Log;
  state: vscode.Memento;
  /** The window's own engine, for what was trained before. */
  ask: Ask;
}

/** One training: what is known of it, and what it needs to go on. */
export interface Training {
  info: TrainingInfo;
  /** Missing for a folder that was opened: it does not say where its checkpoint is. */
  plan?: TrainingPlan;
  record?: TrainingRecord;
  attention?: TrainingAttention['attention'];
  readonly history: TrainingHistory;
}

/**
 * Trainings. Each that runs has an engine of its own, so that prompts are answered meanwhile. What was not finished is
 * remembered and goes on from its last save: after Pause, a crash or a reload of the window.
 */
export class Trainings implements vscode.Disposable {
  private readonly known = new Map<string, Training>();
  private readonly runs = new Map<string, TrainingRun>();
  private readonly changed = new vscode.EventEmitter<void>();
  private readonly gotPoints = new vscode.EventEmitter<TrainingPoints>();
  private readonly gotAttention = new vscode.EventEmitter<TrainingAttention>();
  private readonly ended = new vscode.EventEmitter<Training>();
  /** One was added or removed, or its `info` is another. */
  readonly onDidChange = this.changed.event;
  readonly onDidGetPoints = this.gotPoints.event;
  readonly onDidGetAttention = this.gotAttention.event;
  /** It came to its end, or failed. */
  readonly onDidEnd = this.ended.event;

  constructor(private readonly parts: TrainingsParts) {}

  /** Oldest first. */
  get all(): readonly Training[] {
    return [...this.known.values()];
  }

  at(dir: string): Training | undefined {
    return this.known.get(dir);
  }

  /** What is to be offered after a reload. */
  get unfinished(): readonly TrainingPlan[] {
    return this.parts.state.get<TrainingPlan[]>(UNFINISHED_TRAININGS, []);
  }

  /** Of the engine that trains there. */
  pid(dir: string): number | undefined {
    return this.runs.get(dir)?.pid;
  }

  /** Trains, or goes on where the folder's training stopped; settles when that is over. Failures are in its `info`. */
  async run(plan: TrainingPlan): Promise<TrainingState> {
    const { out: dir, steps: totalSteps } = plan.params;
    const training = this.add(dir, plan.kind);
    if (this.runs.has(dir)) return training.info.state;
    const run = new TrainingRun(this.parts.enginePath, this.parts.log);
    this.runs.set(dir, run);
    training.plan = plan;
    this.set(training, { state: 'starting', totalSteps, message: vscode.l10n.t('Starting the engine') });
    await this.keep(dir, plan);
    try {
      const state = await this.runWith(run, training, plan);
      if (state !== 'paused') await this.keep(dir);
      this.settle(training, { state, message: undefined });
    } catch (error) {
      const message = sentence(
        vscode.l10n.t({ message: 'Training {0}', args: [training.info.name], comment: ['What is being done'] }),
        error,
      );
      this.parts.log.error(message);
      // in that folder it can never go on
      if (wantsOtherFolder(message)) await this.keep(dir);
      this.settle(training, { state: 'failed', message });
    } finally {
      this.runs.delete(dir);
      run.dispose();
    }
    if (training.info.state === 'complete' || training.info.state === 'failed') this.ended.fire(training);
    return training.info.state;
  }

  /** The engine saves and stops; it can go on later. */
  pause(dir: string): void {
    const training = this.known.get(dir);
    const run = this.runs.get(dir);
    if (!training || !run) return;
    this.set(training, { state: 'pausing', message: vscode.l10n.t('Saving') });
    run.cancel();
  }

  /** As `pause`, but it is not offered again. What was trained so far stays in the folder. */
  async stop(dir: string): Promise<void> {
    const training = this.known.get(dir);
    if (!training) return;
    const run = this.runs.get(dir);
    if (run) run.isStopped = true;
    else this.set(training, { state: 'stopped', message: undefined });
    this.pause(dir);
    await this.keep(dir);
  }

  /** Takes one that does not run off the list. */
  async forget(dir: string): Promise<void> {
    if (this.runs.has(dir) || !this.known.delete(dir)) return;
    await this.keep(dir);
    this.changed.fire();
  }

  /** Shows what a folder has of a training. @throws EngineRequestError when there is none */
  async open(dir: string, plan?: TrainingPlan): Promise<Training> {
    const known = this.known.get(dir);
    if (known && this.runs.has(dir)) return known;
    const record = await this.parts.ask('readTraining', { dir });
    const training = this.add(dir, record.kind);
    if (plan) training.plan = plan;
    this.take(training, record);
    this.set(training, { state: record.complete ? 'complete' : 'paused', message: undefined });
    return training;
  }

  /** What its folder has, and behind that what was reported since; undefined before the first save. */
  async record(dir: string): Promise<TrainingRecord | undefined> {
    const record = await this.parts.ask('readTraining', { dir }).catch(() => this.known.get(dir)?.record);
    if (!record) return undefined;
    const last = record.history.at(-1)?.step ?? 0;
    const since = this.known.get(dir)?.history.points.filter(({ step }) => step > last) ?? [];
    return { ...record, history: [...record.history, ...since] };
  }

  /** A folder with what was saved last, which stays as it is while the training goes on. */
  result(dir: string): Promise<TrainingResult> {
    return this.parts.ask('trainingResult', { dir });
  }

  /** One that was not finished before a reload; its folder may have nothing yet. */
  async offer(plan: TrainingPlan): Promise<Training> {
    const { out: dir, steps: totalSteps } = plan.params;
    const opened = await this.open(dir, plan).catch(() => undefined);
    if (opened) return opened;
    const training = this.add(dir, plan.kind);
    training.plan = plan;
    this.set(training, { totalSteps });
    return training;
  }

  private async runWith(run: TrainingRun, training: Training, plan: TrainingPlan): Promise<TrainingState> {
    const { dir } = training.info;
    const before = await run.read(dir);
    if (before) this.take(training, before);
    const summary = await run.train(plan, (progress) => this.progress(training, progress));
    const after = await run.read(dir);
    if (after) this.take(training, after);
    return summary ? 'complete' : run.isStopped ? 'stopped' : 'paused';
  }

  private add(dir: string, kind: TrainingKind): Training {
    const old = this.known.get(dir);
    if (old) return old;
    const info: TrainingInfo = {
      ...{ dir, name: path.basename(dir), kind, state: 'paused' },
      ...{ step: 0, totalSteps: 0, tokens: 0, savedStep: 0, notices: [] },
    };
    const training: Training = { info, history: new TrainingHistory() };
    this.known.set(dir, training);
    return training;
  }

  private progress(training: Training, { message, report }: EngineProgress): void {
    const { state, step } = training.info;
    if (!report) {
      if (state === 'starting') this.set(training, { message });
      return;
    }
    const { point, totalSteps, savedStep, secondsLeft, attention } = report;
    const { dir } = training.info;
    // measured beside other work of the machine: what it says last is what counts
    const { tokens, tokensPerSecond } = point;
    const now = { step: point.step, tokens, tokensPerSecond, totalSteps, savedStep, secondsLeft };
    this.set(training, { ...now, ...(state === 'starting' && { state: 'running', message: undefined }) });
    const from = training.history.add(point);
    this.gotPoints.fire({ dir, from, points: training.history.points.slice(from) });
    if (!attention || point.step < step) return;
    training.attention = attention;
    this.gotAttention.fire({ dir, attention });
  }

  /** What is in the folder. */
  private take(training: Training, record: TrainingRecord): void {
    const { step, totalSteps, tokens, history, notices, params } = record;
    training.record = record;
    training.history.take(history, step);
    const layers = trainedLayers(params);
    this.set(training, { ...{ step, totalSteps, tokens, notices, savedStep: step }, ...(layers && { layers }) });
    this.gotPoints.fire({ dir: training.info.dir, from: 0, points: [...training.history.points] });
  }

  private settle(training: Training, change: Partial<TrainingInfo>): void {
    this.set(training, { ...change, secondsLeft: undefined });
  }

  /** What is undefined goes. */
  private set(training: Training, change: { [K in keyof TrainingInfo]?: TrainingInfo[K] | undefined }): void {
    const entries = Object.entries({ ...training.info, ...change }).filter(([, value]) => value !== undefined);
    training.info = Object.fromEntries(entries) as unknown as TrainingInfo;
    this.changed.fire();
  }

  /** Remembers a plan over a reload; without one, forgets it. */
  private async keep(dir: string, plan?: TrainingPlan): Promise<void> {
    const others = this.unfinished.filter(({ params }) => params.out !== dir);
    const next = plan ? [...others, plan] : others;
    await this.parts.state.update(UNFINISHED_TRAININGS, next.length > 0 ? next : undefined);
  }

  dispose(): void {
    for (const run of this.runs.values()) run.dispose();
    for (const emitter of [this.changed, this.gotPoints, this.gotAttention, this.ended]) emitter.dispose();
  }
}
