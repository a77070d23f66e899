import * as vscode from 'vscode';
import type { CheckpointInfo } from '../protocol/checkpoint';
import type { EngineProgress } from '../protocol/engine';
import type { TrainingStep } from '../protocol/compare';
import type { StepsView } from '../protocol/steps';
import type { Analyses } from './analyses';
import { providers, type Checkpoints } from './checkpoints';
import type { EngineService } from './engineService';
import type { Latents } from './latents';
import type { Log } from './log';
import { Work } from './work';

/** The slider itself shows that it loads; what takes longer than this has a notification too. */
const PATIENCE_MS = 1500;
/** A slider on its way passes steps that nobody looks at. */
const SETTLE_MS = 60;

export interface TrainingStepsParts {
  engine: EngineService;
  checkpoints: Checkpoints;
  analyses: Analyses;
  latents: Latents;
  log: Log;
}

/**
 * The steps of the training that the open checkpoint belongs to. Going to one opens it in place of the open one: the current
 * analysis is run with it, autoencoders read it, and what was open is closed. Of several moves only the last is finished.
 */
export class TrainingSteps implements vscode.Disposable {
  /** Checkpoints that stay open when the slider leaves them. */
  keeps: (path: string) => boolean = () => false;
  private steps: readonly TrainingStep[] = [];
  private target: TrainingStep | undefined;
  private going: Promise<void> | undefined;
  /** Folder of the checkpoint that the steps are about. */
  private about: string | undefined;
  private readonly work: Work;
  private readonly changed = new vscode.EventEmitter<void>();
  /** Another training, another step, or one that is on its way. */
  readonly onDidChange = this.changed.event;
  private readonly disposables: vscode.Disposable[];

  constructor(private readonly parts: TrainingStepsParts) {
    this.work = new Work(parts.log, PATIENCE_MS);
    this.disposables = [this.work, this.changed, parts.checkpoints.onDidChange(() => this.follow())];
  }

  /** Undefined when the open checkpoint does not lie among others of its training. */
  get now(): StepsView | undefined {
    const current = this.indexOf(this.parts.checkpoints.active?.path);
    if (current < 0 || this.steps.length < 2) return undefined;
    const target = this.indexOf(this.target?.path);
    return {
      steps: this.steps.map(({ step, name }) => ({ step, name })),
      current,
      ...(target >= 0 && target !== current && { target }),
    };
  }

  /** The other checkpoints of the training. */
  get siblings(): readonly TrainingStep[] {
    const { now } = this;
    return now ? this.steps.filter((_, i) => i !== now.current) : [];
  }

  /** One step on or back from where the slider stands. */
  move(by: 1 | -1): Promise<void> {
    const { now } = this;
    return now ? this.goTo((now.target ?? now.current) + by) : Promise.resolve();
  }

  /** Opens a step in place of the open one. Resolves when nothing is on its way any more. */
  goTo(index: number): Promise<void> {
    const step = this.now && this.steps[index];
    if (step && step !== this.target) {
      this.target = step;
      this.work.cancel();
      this.fire();
      this.going ??= this.go();
    }
    return this.going ?? Promise.resolve();
  }

  private async go(): Promise<void> {
    for (let step = this.target; step; step = this.target) {
      await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
      if (step !== this.target) continue;
      if (step.path !== this.parts.checkpoints.active?.path)
        await this.work.run(vscode.l10n.t('Opening {0}', step.name), (token, onProgress) =>
          this.open(step, token, onProgress),
        );
      if (step === this.target) this.target = undefined;
    }
    this.going = undefined;
    this.fire();
  }

  private async open(
    step: TrainingStep,
    token: vscode.CancellationToken,
    onProgress: (p: EngineProgress) => void,
  ): Promise<void> {
    const { engine, checkpoints, analyses, latents } = this.parts;
    const old = checkpoints.active;
    if (!old) return;
    const known = checkpoints.at(step.path);
    const params = { path: step.path, providers: providers() };
    const info = known ?? (await engine.request('openCheckpoint', params, { token, onProgress }));
    let swapped = false;
    try {
      const { current } = analyses;
      const mine = current?.checkpoint.path === old.path ? current : undefined;
      const analysis = mine && (await analyses.preview(info, mine, token, onProgress));
      // another checkpoint or text may have been chosen meanwhile: that counts
      if (token.isCancellationRequested || checkpoints.active !== old || analyses.current !== current) return;
      swapped = true;
      checkpoints.swap(info, this.keeps(old.path), () => {
        latents.move(old.path, info.path);
        analyses.move(old, info, analysis);
      });
    } finally {
      if (!swapped && !known) this.discard(info);
    }
  }

  private discard({ id }: CheckpointInfo): void {
    void this.parts.engine.request('closeCheckpoint', { checkpointId: id }).catch(() => undefined);
  }

  private indexOf(path: string | undefined): number {
    return path === undefined ? -1 : this.steps.findIndex((step) => step.path === path);
  }

  /** Looks again also among known ones: a training that runs adds steps. */
  private follow(): void {
    const path = this.parts.checkpoints.active?.path;
    if (path === this.about) return;
    this.about = path;
    if (this.indexOf(path) < 0) {
      this.work.cancel();
      this.target = undefined;
      this.steps = [];
    }
    this.fire();
    if (path !== undefined) void this.look(path);
  }

  private async look(folder: string): Promise<void> {
    const { engine, log } = this.parts;
    const found = await engine.request('trainingSteps', { folder }).catch(() => undefined);
    if (this.about !== folder) return;
    found?.notices.forEach((notice) => log.warn(notice));
    const current = found?.current === undefined ? undefined : found.steps[found.current];
    // the open checkpoint's own spelling of its folder
    this.steps = (found?.steps ?? []).map((step) => (step === current ? { ...step, path: folder } : step));
    if (!current) this.steps = [];
    if (this.target && !this.steps.some(({ path }) => path === this.target?.path)) this.target = undefined;
    this.fire();
  }

  private fire(): void {
    void vscode.commands.executeCommand('setContext', 'circuitscope.trainingSteps', this.now !== undefined);
    this.changed.fire();
  }

  dispose(): void {
    this.disposables.forEach((d) => d.dispose());
  }
}
