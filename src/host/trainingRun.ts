import { CancellationTokenSource } from 'vscode';
import type { EngineProgress } from '../protocol/engine';
import type { TrainingRecord, TrainingSummary, TrainMlsaeParams, TrainToyParams } from '../protocol/training';
import { providers } from './checkpoints';
import { EngineCancelledError, EngineClient, type RequestOptions } from './engineClient';
import { translationsFile } from './engineLanguage';
import { logLine, type Log } from './log';

/** A training, as it is remembered: enough to begin it again where it stopped. */
export type TrainingPlan =
  | { kind: 'mlsae'; checkpointPath: string; params: Omit<TrainMlsaeParams, 'checkpointId'> }
  | { kind: 'toy'; params: TrainToyParams };

/** A step of a large model is silent for long; so is saving it. */
const STUCK_MS = 120_000;

/** One training in an engine of its own. */
export class TrainingRun {
  private readonly client: EngineClient;
  private readonly source = new CancellationTokenSource();
  /** It is not to go on later. */
  isStopped = false;

  constructor(enginePath: string, log: Log) {
    this.client = new EngineClient(enginePath, (line) => logLine(log, line), {
      stuckMs: STUCK_MS,
      translations: translationsFile(),
    });
  }

  get pid(): number | undefined {
    return this.client.pid;
  }

  /** The engine saves and stops; `train` settles then. */
  cancel(): void {
    this.source.cancel();
  }

  /** What the folder has; undefined when there is no training in it. */
  async read(dir: string): Promise<TrainingRecord | undefined> {
    await this.client.start();
    return this.client.request('readTraining', { dir }).catch(() => undefined);
  }

  /**
   * @returns undefined when it was cancelled, and saved
   * @throws EngineRequestError | EngineGoneError
   */
  async train(
    plan: TrainingPlan,
    onProgress: (progress: EngineProgress) => void,
  ): Promise<TrainingSummary | undefined> {
    const options: RequestOptions = { token: this.source.token, onProgress };
    const training = { ...options, untilAnswered: true };
    try {
      await this.client.start();
      if (plan.kind === 'toy') return await this.client.request('trainToy', plan.params, training);
      const open = { path: plan.checkpointPath, providers: providers() };
      const { id: checkpointId } = await this.client.request('openCheckpoint', open, options);
      return await this.client.request('trainMlsae', { ...plan.params, checkpointId }, training);
    } catch (error) {
      if (error instanceof EngineCancelledError) return undefined;
      throw error;
    }
  }

  dispose(): void {
    this.client.dispose();
    this.source.dispose();
  }
}
