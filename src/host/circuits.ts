import * as vscode from 'vscode';
import type { CheckpointInfo } from '../protocol/checkpoint';
import {
  headNames,
  namedScores,
  type CircuitRequests,
  type Composition,
  type HeadName,
  type HeadScores,
  type NamedScore,
} from '../protocol/circuits';
import type { InductionCircuits } from '../protocol/circuits/behaviour';
import type { InteropRequests } from '../protocol/interop';
import type { Checkpoints } from './checkpoints';
import type { RequestOptions } from './engineClient';
import { isGone, type EngineService } from './engineService';
import type { Log } from './log';
import type { Work } from './work';

/** Models up to this size have their heads named without being asked for. */
const CHEAP_PARAMS = 50e6;
/** After a checkpoint was opened: what the person does next comes first. */
const PATIENCE_MS = 500;
/** A head that reaches it has the name. */
const THRESHOLDS: Record<NamedScore, number> = {
  previousToken: 0.5,
  duplicateToken: 0.5,
  induction: 0.5,
  firstToken: 0.5,
  ovCopying: 0.9,
};

/** What is known about a checkpoint's heads so far. */
export interface KnownCircuits {
  composition?: Composition;
  scores?: HeadScores;
  induction?: InductionCircuits;
}
type Method = 'composition' | 'headScores' | 'inductionCircuits' | 'headCircuit';

/** Composition, head scores and induction circuits of the open checkpoints, each computed once. */
export class Circuits implements vscode.Disposable {
  /** By folder; `id` tells whether the engine has opened it anew since. */
  private readonly kept = new Map<string, KnownCircuits & { id: string }>();
  /** By folder and what is computed. */
  private readonly running = new Map<string, Promise<unknown>>();
  private readonly timers = new Map<string, ReturnType<typeof setTimeout>>();
  private readonly changed = new vscode.EventEmitter<void>();
  /** Heads have got names, or other ones. */
  readonly onDidChange = this.changed.event;
  private readonly disposables: vscode.Disposable[] = [this.changed];

  constructor(
    private readonly engine: EngineService,
    private readonly checkpoints: Checkpoints,
    private readonly work: Work,
    private readonly log: Log,
  ) {
    this.disposables.push(
      checkpoints.onDidChange(() => this.follow()),
      vscode.workspace.onDidChangeConfiguration((e) => {
        if (e.affectsConfiguration('circuitscope.headNameThresholds')) this.changed.fire();
      }),
    );
  }

  get thresholds(): Record<NamedScore, number> {
    const set = vscode.workspace
      .getConfiguration('circuitscope')
      .get<Record<string, unknown>>('headNameThresholds', {});
    const of = (name: NamedScore): number => (typeof set[name] === 'number' ? set[name] : THRESHOLDS[name]);
    return Object.fromEntries(namedScores.map((name) => [name, of(name)])) as Record<NamedScore, number>;
  }

  /** What has been computed of the checkpoint as it is open now. */
  now({ path }: Pick<CheckpointInfo, 'path'>): KnownCircuits {
    const known = this.kept.get(path);
    return known && known.id === this.checkpoints.at(path)?.id ? known : {};
  }

  /** The random sequences that scores were measured on. */
  async sequences(
    { path, id }: CheckpointInfo,
    { length, batch, seed }: HeadScores,
  ): Promise<InteropRequests['repeatedSequences'][1]> {
    await this.engine.whenReady();
    const checkpointId = this.checkpoints.at(path)?.id ?? id;
    return this.engine.request('repeatedSequences', { checkpointId, length, batch, seed });
  }

  /** Names of every head, layer by layer; undefined until the scores are known. */
  names(checkpoint: CheckpointInfo): HeadName[][] | undefined {
    const { thresholds } = this;
    return this.now(checkpoint).scores?.heads.map((score) => headNames(score, thresholds));
  }

  async composition(checkpoint: CheckpointInfo, options?: RequestOptions): Promise<Composition> {
    return this.keep(checkpoint, 'composition', () => this.ask('composition', checkpoint, {}, options));
  }

  async scores(checkpoint: CheckpointInfo, options?: RequestOptions): Promise<HeadScores> {
    const known = this.now(checkpoint).scores;
    const scores = await this.keep(checkpoint, 'scores', () => this.ask('headScores', checkpoint, {}, options));
    if (!known) this.changed.fire();
    return scores;
  }

  async induction(checkpoint: CheckpointInfo, options?: RequestOptions): Promise<InductionCircuits> {
    return this.keep(checkpoint, 'induction', () => this.ask('inductionCircuits', checkpoint, {}, options));
  }

  /** Asks the engine about a checkpoint, once more when it was started again meanwhile. */
  async ask<M extends Method>(
    method: M,
    checkpoint: CheckpointInfo,
    params: Omit<CircuitRequests[M][0], 'checkpointId'>,
    options?: RequestOptions,
  ): Promise<CircuitRequests[M][1]> {
    const request = async (): Promise<CircuitRequests[M][1]> => {
      await this.engine.whenReady();
      const { id } = this.checkpoints.at(checkpoint.path) ?? checkpoint;
      const whole = { ...params, checkpointId: id } as CircuitRequests[M][0];
      return this.engine.request(method, whole, options);
    };
    try {
      return await request();
    } catch (error) {
      if (!isGone(error) || !this.checkpoints.at(checkpoint.path)) throw error;
      return request();
    }
  }

  private async keep<K extends keyof KnownCircuits>(
    { path }: CheckpointInfo,
    key: K,
    compute: () => Promise<NonNullable<KnownCircuits[K]>>,
  ): Promise<NonNullable<KnownCircuits[K]>> {
    // the panel and the view in the side bar may want the same at the same time
    const name = `${path} ${key}`;
    await this.running.get(name)?.catch(() => undefined);
    const known = this.now({ path })[key];
    if (known) return known;
    const work = compute().then((computed) => {
      const { id } = this.checkpoints.at(path) ?? {};
      if (id !== undefined) this.kept.set(path, { ...this.now({ path }), id, [key]: computed });
      return computed;
    });
    this.running.set(name, work);
    return work.finally(() => this.running.delete(name));
  }

  /** Forgets what was closed and names the heads of what was opened, if that is cheap. */
  private follow(): void {
    const open = this.checkpoints.all;
    for (const path of this.kept.keys()) if (!this.checkpoints.at(path)) this.kept.delete(path);
    for (const checkpoint of open) {
      const { path, nParams, nLayers } = checkpoint;
      const cheap = nParams < CHEAP_PARAMS && nLayers > 0;
      if (cheap && !this.now(checkpoint).scores && !this.timers.has(path)) this.nameLater(path);
    }
  }

  /** When nothing else runs. */
  private nameLater(path: string): void {
    const name = async (): Promise<void> => {
      this.timers.delete(path);
      const checkpoint = this.checkpoints.at(path);
      if (!checkpoint || this.now(checkpoint).scores) return;
      if (this.work.busy) this.nameLater(path);
      else await this.scores(checkpoint).catch((error: unknown) => this.log.warn(`Head scores: ${String(error)}`));
    };
    this.timers.set(
      path,
      setTimeout(() => void name(), PATIENCE_MS),
    );
  }

  dispose(): void {
    this.timers.forEach((timer) => clearTimeout(timer));
    this.disposables.forEach((d) => d.dispose());
  }
}
