import * as vscode from 'vscode';
import type { EngineProgress } from '../protocol/engine';
import { EngineCancelledError, EngineRequestError } from './engineClient';
import { EngineDiedError } from './engineService';
import { showError, type Log } from './log';

const QUIET_MS = 300;

/** One piece of work at a time can be cancelled: from its notification, from the panel, or by newer work. */
export class Work implements vscode.Disposable {
  private current: vscode.CancellationTokenSource | undefined;
  private readonly changed = new vscode.EventEmitter<EngineProgress | undefined>();
  /** What is going on; undefined when it is over. */
  readonly onDidChange = this.changed.event;

  /** @param quietMs work that is done sooner shows no notification */
  constructor(
    private readonly log: Log,
    private readonly quietMs = QUIET_MS,
  ) {}

  get busy(): boolean {
    return this.current !== undefined;
  }

  cancel(): void {
    this.current?.cancel();
  }

  /**
   * Runs `task` with progress in a cancellable notification (if it takes long), cancelling what ran before.
   * @returns undefined when it was cancelled or failed; a failure has been shown then, as one sentence
   */
  async run<T>(
    title: string,
    task: (token: vscode.CancellationToken, onProgress: (p: EngineProgress) => void) => Promise<T>,
    onError: (message: string) => void = showError,
  ): Promise<T | undefined> {
    this.current?.cancel();
    const source = (this.current = new vscode.CancellationTokenSource());
    let report: (p: EngineProgress) => void = () => undefined;
    const onProgress = (p: EngineProgress): void => {
      report(p);
      this.changed.fire({ ...p, message: `${title}: ${p.message}` });
    };
    this.changed.fire({ message: `${title}…` });
    const done = task(source.token, onProgress);
    const timer = setTimeout(() => (report = notify(title, source, done)), this.quietMs);
    try {
      return await done;
    } catch (error) {
      if (error instanceof EngineCancelledError || source.token.isCancellationRequested) {
        this.log.info(`${title}: cancelled.`);
        return undefined;
      }
      if (error instanceof EngineDiedError) return undefined;
      const message = sentence(title, error);
      this.log.error(message);
      if (error instanceof Error && error.stack) this.log.debug(error.stack);
      onError(message);
      return undefined;
    } finally {
      clearTimeout(timer);
      if (this.current === source) {
        this.current = undefined;
        this.changed.fire(undefined);
      }
      source.dispose();
    }
  }

  dispose(): void {
    this.cancel();
    this.changed.dispose();
  }
}

function notify(
  title: string,
  source: vscode.CancellationTokenSource,
  done: Promise<unknown>,
): (p: EngineProgress) => void {
  let last = 0;
  let progress: vscode.Progress<{ message?: string; increment?: number }> | undefined;
  void vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title, cancellable: true },
    async (to, token) => {
      progress = to;
      token.onCancellationRequested(() => source.cancel());
      await done.catch(() => undefined);
    },
  );
  return ({ message, fraction }) => {
    const now = Math.round((fraction ?? 0) * 100);
    progress?.report({ message, increment: Math.max(0, now - last) });
    last = Math.max(last, now);
  };
}

/** A sentence about the person's input stands as it is; anything else says what failed. */
export function sentence(title: string, error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return error instanceof EngineRequestError && error.isInput
    ? message
    : vscode.l10n.t('{0} failed: {1}', title, message);
}
