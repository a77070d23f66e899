import * as path from 'node:path';
import * as vscode from 'vscode';
import type { CheckpointInfo } from '../protocol/checkpoint';
import type { LatentRequests, OpenSaeParams, SaeCandidate, SaeInfo } from '../protocol/latents';
import type { CorpusSummary } from '../protocol/latents/corpus';
import type { Encoding } from '../protocol/latents/encoding';
import type { LatentName, LatentNames } from '../protocol/latents/names';
import type { Analyses, Analysis } from './analyses';
import type { Checkpoints } from './checkpoints';
import type { RequestOptions } from './engineClient';
import { Encodings } from './encodings';
import { isGone, type EngineService } from './engineService';
import { LatentNamesFile } from './latentNames';
import { showError, type Log } from './log';
import { OpenSaes, type OpenSae, type SaeOptions } from './openSaes';
import { deadBelow, LastSweeps } from './lastSweeps';
import { sentence, type Work } from './work';

export type { SaeOptions } from './openSaes';

/** Requests about one open autoencoder. */
export type SaeMethod = Exclude<keyof LatentRequests, 'findSaes' | 'openSae' | 'closeSae'>;

export interface LatentsParts {
  engine: EngineService;
  checkpoints: Checkpoints;
  analyses: Analyses;
  work: Work;
  log: Log;
  state: vscode.Memento;
}

/**
 * The open sparse autoencoders, the encodings of the analyses, names of latents and results of sweeps. An analysis is
 * encoded as soon as it is shown, so that hovers need not wait.
 */
export class Latents implements vscode.Disposable {
  private readonly open_ = new OpenSaes();
  private readonly sweeps: LastSweeps;
  private readonly encodings: Encodings<OpenSae>;
  /** The analysis that was current last. */
  private shown: Analysis | undefined;
  private readonly changed = new vscode.EventEmitter<void>();
  /** Another SAE, a name, an encoding or the results of a sweep. */
  readonly onDidChange = this.changed.event;
  private readonly disposables: vscode.Disposable[];

  constructor(private readonly parts: LatentsParts) {
    const { checkpoints, analyses, state } = parts;
    this.sweeps = new LastSweeps(state);
    this.encodings = new Encodings(
      parts.log,
      ({ info }, ids, options) => this.ask('encode', info, { ids }, options),
      () => this.changed.fire(),
    );
    this.disposables = [
      this.changed,
      this.encodings,
      checkpoints.onDidChange(() => this.dropClosed()),
      analyses.onDidChange(() => this.encodeCurrent()),
      vscode.workspace.onDidChangeConfiguration((e) => {
        if (!e.affectsConfiguration('circuitscope.deadLatentThreshold')) return;
        for (const open of this.open_.all) if (open.corpus) void this.reopenCorpus(open);
      }),
    ];
  }

  get all(): readonly SaeInfo[] {
    return this.open_.all.map(({ info }) => info);
  }

  /** The one in use for a checkpoint: opened or chosen last. */
  of(checkpoint: Pick<CheckpointInfo, 'path'>): SaeInfo | undefined {
    return this.open_.inUse(checkpoint)?.info;
  }

  /** All that are open for a checkpoint, by name. */
  allOf(checkpoint: Pick<CheckpointInfo, 'path'>): SaeInfo[] {
    const own = this.open_.of(checkpoint);
    return own.map(({ info }) => info).sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  checkpointOf(sae: SaeInfo): CheckpointInfo | undefined {
    const open = this.open_.find(sae);
    return open && this.parts.checkpoints.at(open.checkpointPath);
  }

  /** How it was opened. */
  optionsOf(sae: SaeInfo): SaeOptions {
    return this.open_.find(sae)?.options ?? {};
  }

  choose(sae: SaeInfo): void {
    const open = this.open_.find(sae);
    if (!open || !this.open_.use(open)) return;
    this.encodeCurrent();
    this.changed.fire();
  }

  findSaes(roots: string[]): Promise<SaeCandidate[]> {
    return this.parts.engine.request('findSaes', { roots });
  }

  /** Opens a folder or a file in it for a checkpoint. What is open already is opened anew: its files may have changed. */
  async open(
    checkpoint: CheckpointInfo,
    target: string,
    options: SaeOptions = {},
    onError?: (message: string) => void,
  ): Promise<SaeInfo | undefined> {
    const { work, checkpoints, log } = this.parts;
    const folder = checkpoint.path;
    const info = await work.run(
      vscode.l10n.t('Opening {0}', path.basename(target)),
      (token, onProgress) => this.openInEngine(folder, { path: target, ...options }, { token, onProgress }),
      onError,
    );
    if (!info) return undefined;
    if (!checkpoints.at(folder)) return undefined;
    info.notices.forEach((notice) => log.warn(`${info.name}: ${notice}`));
    const old = this.open_.of(checkpoint).find((open) => open.info.path === info.path);
    if (old) this.remove(old);
    const names = new LatentNamesFile(info, () => this.changed.fire(), showError);
    await names.reload();
    const open: OpenSae = { info, ids: new Set([info.id]), checkpointPath: folder, options, names };
    this.open_.add(open);
    this.encodeCurrent();
    this.fire();
    void this.reopenCorpus(open);
    return info;
  }

  async close(sae: SaeInfo): Promise<void> {
    const open = this.open_.find(sae);
    if (!open) return;
    this.remove(open);
    this.fire();
    await this.closeInEngine(open);
  }

  /** What the SAE in use says about an analysis; undefined without one. Encoded once. */
  async encoding(analysis: Analysis): Promise<Encoding | undefined> {
    const open = this.open_.inUse(analysis.checkpoint);
    return open && this.encodings.of(open, analysis);
  }

  /** Stops what is being encoded. */
  cancel(): void {
    this.encodings.cancel();
  }

  /** The same, if it is known already. */
  encodingNow(analysis: Analysis): Encoding | undefined {
    const open = this.open_.inUse(analysis.checkpoint);
    return open && this.encodings.now(open, analysis);
  }

  /** Why there is no encoding. */
  encodingError(analysis: Analysis): string | undefined {
    const open = this.open_.inUse(analysis.checkpoint);
    return open && this.encodings.error(open, analysis);
  }

  /** Asks the engine about an SAE; when the engine has lost it, opens it again first. */
  async ask<M extends SaeMethod>(
    method: M,
    sae: SaeInfo,
    params: Omit<LatentRequests[M][0], 'saeId'>,
    options?: RequestOptions,
  ): Promise<LatentRequests[M][1]> {
    const open = this.open_.find(sae);
    if (!open) throw new Error(vscode.l10n.t('{0} is no longer open: open it again.', sae.name));
    const { engine } = this.parts;
    const request = (): Promise<LatentRequests[M][1]> =>
      engine.request(method, { ...params, saeId: open.info.id } as LatentRequests[M][0], options);
    const { id } = open.info;
    try {
      return await request();
    } catch (error) {
      if (!isGone(error) || !this.open_.has(open)) throw error;
      if (open.info.id === id) await this.reopen(open);
      return request();
    }
  }

  /** After the engine said that it no longer has an SAE: opens it again. */
  async renew(sae: SaeInfo): Promise<void> {
    const open = this.open_.find(sae);
    if (open) await this.reopen(open);
  }

  names(sae: SaeInfo): LatentNames {
    return this.open_.find(sae)?.names.names ?? {};
  }

  /** After the engine has written them: a watcher of a folder outside the workspace may be late or never come. */
  async reloadNames(sae: SaeInfo): Promise<void> {
    await this.open_.find(sae)?.names.reload();
  }

  /** Rejects with a sentence when the names beside the SAE are wrong or cannot be written. */
  async rename(sae: SaeInfo, latent: number, name: LatentName): Promise<void> {
    await this.open_.find(sae)?.names.rename(latent, name);
  }

  corpus(sae: SaeInfo): CorpusSummary | undefined {
    return this.open_.find(sae)?.corpus;
  }

  /** Reads the results of a sweep, and again after a reload of the window. */
  async openCorpus(sae: SaeInfo, dir: string): Promise<CorpusSummary> {
    const corpus = await this.ask('openSweep', sae, { dir, deadBelow: deadBelow() });
    const open = this.open_.find(sae);
    if (open) open.corpus = corpus;
    await this.sweeps.remember(sae, dir);
    this.changed.fire();
    return corpus;
  }

  private async reopenCorpus({ info }: OpenSae): Promise<void> {
    const dir = this.sweeps.of(info);
    if (!dir) return;
    const { log } = this.parts;
    await this.openCorpus(info, dir).catch((error: unknown) => log.warn(`Sweep ${dir}: ${String(error)}`));
  }

  /** Another checkpoint stands in the place of one: its autoencoders read that one from now on, opened when they are asked. */
  move(from: string, to: string): void {
    for (const open of this.open_.of({ path: from })) {
      open.checkpointPath = to;
      void this.closeInEngine(open);
    }
  }

  /** Asks once more when the engine was started again meanwhile. */
  private async openInEngine(
    folder: string,
    params: Omit<OpenSaeParams, 'checkpointId'>,
    options?: RequestOptions,
  ): Promise<SaeInfo> {
    const { engine, checkpoints } = this.parts;
    const request = async (): Promise<SaeInfo> => {
      await engine.whenReady();
      const checkpoint = checkpoints.at(folder);
      if (!checkpoint) throw new Error(vscode.l10n.t('{0} is no longer open.', path.basename(folder)));
      return engine.request('openSae', { ...params, checkpointId: checkpoint.id }, options);
    };
    return request().catch((error: unknown) => {
      if (!isGone(error) || !checkpoints.at(folder)) throw error;
      return request();
    });
  }

  private reopen(open: OpenSae): Promise<void> {
    const again = async (): Promise<void> => {
      const { info, options, checkpointPath } = open;
      open.info = await this.openInEngine(checkpointPath, { path: info.path, ...options });
      open.ids.add(open.info.id);
      this.changed.fire();
    };
    return (open.reopening ??= again().finally(() => delete open.reopening));
  }

  private encodeCurrent(): void {
    const { current } = this.parts.analyses;
    const open = current && this.open_.inUse(current.checkpoint);
    const again = current !== this.shown;
    this.shown = current;
    if (!open || this.encodings.has(open, current, again)) return;
    this.encodings.of(open, current).catch((error: unknown) => {
      if (this.open_.has(open)) this.parts.log.error(sentence(`Encoding ${current.source.name}`, error));
    });
  }

  private dropClosed(): void {
    const closed = this.open_.all.filter(({ checkpointPath }) => !this.parts.checkpoints.at(checkpointPath));
    // their weights go with the checkpoint's, but the engine may still be asked about them
    closed.forEach((open) => (this.remove(open), void this.closeInEngine(open)));
    if (closed.length > 0) this.fire();
  }

  private remove(open: OpenSae): void {
    this.open_.remove(open);
    open.names.dispose();
  }

  private async closeInEngine({ info }: OpenSae): Promise<void> {
    await this.parts.engine.request('closeSae', { saeId: info.id }).catch(() => undefined);
  }

  private fire(): void {
    void vscode.commands.executeCommand('setContext', 'circuitscope.saeOpen', this.open_.all.length > 0);
    this.changed.fire();
  }

  dispose(): void {
    this.open_.all.forEach(({ names }) => names.dispose());
    this.disposables.forEach((d) => d.dispose());
  }
}
