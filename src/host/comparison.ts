import * as vscode from 'vscode';
import type { CheckpointInfo } from '../protocol/checkpoint';
import type { CompareRequests } from '../protocol/compare';
import type { Checkpoints } from './checkpoints';
import type { RequestOptions } from './engineClient';
import { isGone, type EngineService } from './engineService';
import { showError } from './log';
import type { Work } from './work';

/** Kept over a reload of the window. */
const KEY = 'circuitscope.comparison';
interface Saved {
  first: string;
  second: string;
  swapped: boolean;
}

type Method = Exclude<keyof CompareRequests, 'trainingSteps' | 'endComparison'>;

export interface ComparisonParts {
  engine: EngineService;
  checkpoints: Checkpoints;
  work: Work;
  state: vscode.Memento;
}

/** The two that are compared: the open checkpoint and a second one that stays, whichever is open. */
export class Comparison implements vscode.Disposable {
  private second: string | undefined;
  /** The second one is A. */
  private swapped = false;
  /** It was opened for this, and is closed with it. */
  private opened = false;
  /** Folder of the one that was in use last. */
  private first: string | undefined;
  private readonly changed = new vscode.EventEmitter<void>();
  /** Other checkpoints, or the same two the other way round. */
  readonly onDidChange = this.changed.event;
  private readonly disposables: vscode.Disposable[];

  constructor(private readonly parts: ComparisonParts) {
    this.disposables = [this.changed, parts.checkpoints.onDidChange(() => this.follow())];
  }

  /** A, B, and which of them is in use. */
  get sides(): { a: CheckpointInfo; b: CheckpointInfo; open: 'a' | 'b' } | undefined {
    const { checkpoints } = this.parts;
    const second = this.second === undefined ? undefined : checkpoints.at(this.second);
    const { active } = checkpoints;
    if (!active || !second) return undefined;
    return this.swapped ? { a: second, b: active, open: 'b' } : { a: active, b: second, open: 'a' };
  }

  /** Whether a checkpoint stays open when the slider leaves it. */
  readonly holds = (path: string): boolean => path === this.second;

  /**
   * Opens a checkpoint beside the one in use and compares the two; what was compared before stays when they do not match.
   * @returns whether they are compared now; if not, the person has been told why
   */
  async with(target: string, onError: (message: string) => void = showError): Promise<boolean> {
    const { engine, checkpoints, work } = this.parts;
    const known = new Set(checkpoints.all.map(({ path }) => path));
    const open = checkpoints.all.find(({ path }) => path === target);
    const second = open ?? (await checkpoints.open(target, onError, { beside: true }));
    const first = checkpoints.active;
    if (!second || !first) return false;
    const fits = await work.run(
      vscode.l10n.t('Comparing {0} with {1}', first.name, second.name),
      (token) => engine.request('checkComparable', { a: first.id, b: second.id }, { token }),
      onError,
    );
    if (!fits) {
      if (!known.has(second.path)) await checkpoints.close(second);
      return false;
    }
    if (this.second === undefined) this.swapped = false;
    this.replaceSecond(second.path, !known.has(second.path));
    this.announce();
    return true;
  }

  swap(): void {
    if (this.second === undefined) return;
    this.swapped = !this.swapped;
    this.announce();
  }

  /** The panel was closed. */
  end(): void {
    if (this.second === undefined) return;
    this.replaceSecond(undefined, false);
    this.announce();
    void this.parts.engine.request('endComparison', {}).catch(() => undefined);
  }

  /** As before the window was reloaded. */
  async restore(): Promise<void> {
    const saved = this.parts.state.get<Saved>(KEY);
    if (!saved || this.second !== undefined) return;
    const { checkpoints } = this.parts;
    if (!checkpoints.active && !(await checkpoints.open(saved.first))) return;
    if ((await this.with(saved.second)) && saved.swapped) this.swap();
  }

  /** Asks the engine about the two, once more when it was started again meanwhile. */
  async ask<M extends Method>(
    method: M,
    params: Omit<CompareRequests[M][0], 'a' | 'b'>,
    options: RequestOptions,
  ): Promise<CompareRequests[M][1]> {
    const { engine } = this.parts;
    const request = async (): Promise<CompareRequests[M][1]> => {
      await engine.whenReady();
      const { sides } = this;
      if (!sides) throw new Error(vscode.l10n.t('One of the two checkpoints is no longer open.'));
      const whole = { ...params, a: sides.a.id, b: sides.b.id } as CompareRequests[M][0];
      return engine.request(method, whole, options);
    };
    return request().catch((error: unknown) => {
      if (isGone(error) && this.sides) return request();
      throw error;
    });
  }

  private replaceSecond(path: string | undefined, opened: boolean): void {
    const { checkpoints } = this.parts;
    const old = this.opened && this.second !== path ? checkpoints.all.find((c) => c.path === this.second) : undefined;
    this.opened = opened || (this.opened && this.second === path);
    this.second = path;
    if (old && old !== checkpoints.active) void checkpoints.close(old);
  }

  private follow(): void {
    const { checkpoints } = this.parts;
    const [before, active] = [this.first, checkpoints.active?.path];
    this.first = active;
    if (this.second === undefined) return;
    if (!checkpoints.at(this.second)) this.second = undefined;
    else if (active === this.second && before !== undefined && before !== active && checkpoints.at(before)) {
      // the second one was chosen in a tree: the two stay where they stand
      [this.second, this.opened, this.swapped] = [before, false, !this.swapped];
    }
    this.announce();
  }

  private announce(): void {
    const { sides, second, swapped } = this;
    const saved = sides && second !== undefined ? { first: sides[sides.open].path, second, swapped } : undefined;
    void this.parts.state.update(KEY, saved satisfies Saved | undefined);
    this.changed.fire();
  }

  dispose(): void {
    this.disposables.forEach((d) => d.dispose());
  }
}
