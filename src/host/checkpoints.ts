import * as path from 'node:path';
import * as vscode from 'vscode';
import type { CheckpointInfo } from '../protocol/checkpoint';
import type { EngineService } from './engineService';
import { showError, type Log } from './log';
import { sentence, type Work } from './work';

export const providers = (): string[] =>
  vscode.workspace.getConfiguration('circuitscope').get<string[]>('executionProviders', []);

/** The open checkpoints and the one that analyses use. */
export class Checkpoints implements vscode.Disposable {
  private readonly open_: CheckpointInfo[] = [];
  private current: CheckpointInfo | undefined;
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChange = this.changed.event;

  constructor(
    private readonly engine: EngineService,
    private readonly work: Work,
    private readonly log: Log,
  ) {
    engine.restore = async (ask) => {
      for (const old of [...this.open_]) {
        try {
          this.replace(old, await ask('openCheckpoint', { path: old.path, providers: providers() }));
        } catch (error) {
          showError(sentence(vscode.l10n.t('Reopening {0}', old.name), error));
          this.remove(old);
        }
      }
    };
  }

  get all(): readonly CheckpointInfo[] {
    return this.open_;
  }

  /** The one that was opened or chosen last. */
  get active(): CheckpointInfo | undefined {
    return this.current;
  }

  /** The open checkpoint of a folder, whatever the engine calls it now. */
  at(folder: string): CheckpointInfo | undefined {
    return this.open_.find((c) => c.path === folder);
  }

  choose(checkpoint: CheckpointInfo): void {
    if (this.current?.path === checkpoint.path) return;
    this.current = this.at(checkpoint.path);
    this.fire();
  }

  /**
   * Opens a folder or a file in it. An open checkpoint is opened anew: its files may have changed.
   * @param beside the one in use stays in use
   */
  async open(
    target: string,
    onError?: (message: string) => void,
    { beside = false } = {},
  ): Promise<CheckpointInfo | undefined> {
    const name = path.basename(target);
    const info = await this.work.run(
      vscode.l10n.t('Opening {0}', name),
      (token, onProgress) =>
        this.engine.request('openCheckpoint', { path: target, providers: providers() }, { token, onProgress }),
      onError,
    );
    if (!info) return undefined;
    info.notices.forEach((notice) => this.log.warn(`${info.name}: ${notice}`));
    this.log.info(`${info.name} (${info.architecture}) opened on ${info.provider} in ${Math.round(info.loadMs)} ms.`);
    const old = this.at(info.path);
    if (old) {
      this.replace(old, info);
      void this.engine.request('closeCheckpoint', { checkpointId: old.id }).catch(() => undefined);
    } else this.open_.push(info);
    if (!beside || !this.current) this.current = info;
    this.fire();
    return info;
  }

  /**
   * Puts a checkpoint in the place of the one in use; `follow` moves along what is about it before anybody is told.
   * @param keep what was in use stays open
   */
  swap(info: CheckpointInfo, keep: boolean, follow: (old: CheckpointInfo) => void): void {
    const old = this.current;
    if (!old) return;
    const others = this.open_.filter((c) => c.path !== info.path && (keep || c !== old));
    const at = Math.min(this.open_.indexOf(old), others.length);
    this.open_.splice(0, Infinity, ...others.slice(0, at), info, ...others.slice(at));
    this.current = info;
    follow(old);
    this.fire();
    if (!keep) void this.engine.request('closeCheckpoint', { checkpointId: old.id }).catch(() => undefined);
  }

  /** One that the engine has opened for an agent; what is in use stays in use. */
  adopt(info: CheckpointInfo): void {
    if (this.at(info.path)) return;
    this.open_.push(info);
    this.current ??= info;
    this.fire();
  }

  async close(checkpoint: CheckpointInfo): Promise<void> {
    const known = this.at(checkpoint.path);
    if (!known) return;
    this.remove(known);
    await this.engine.request('closeCheckpoint', { checkpointId: known.id }).catch(() => undefined);
  }

  private remove(checkpoint: CheckpointInfo): void {
    this.open_.splice(this.open_.indexOf(checkpoint), 1);
    if (this.current === checkpoint) this.current = this.open_.at(-1);
    this.fire();
  }

  private replace(old: CheckpointInfo, info: CheckpointInfo): void {
    const index = this.open_.indexOf(old);
    if (index < 0) return; // closed meanwhile
    this.open_[index] = info;
    if (this.current === old) this.current = info;
    this.fire();
  }

  private fire(): void {
    void vscode.commands.executeCommand('setContext', 'circuitscope.checkpointOpen', this.open_.length > 0);
    this.changed.fire();
  }

  dispose(): void {
    this.changed.dispose();
  }
}
