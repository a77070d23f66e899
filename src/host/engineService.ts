import * as vscode from 'vscode';
import type { EngineMethod, EngineRequests } from '../protocol/engine';
import {
  EngineClient,
  EngineGoneError,
  EngineRequestError,
  type EngineClientOptions,
  type EngineExit,
  type RequestOptions,
} from './engineClient';
import { EngineErrorCode } from '../protocol/engine';
import { translationsFile } from './engineLanguage';
import { logLine, showError, type Log } from './log';

/** The engine died while it was asked; the person has been told. */
export class EngineDiedError extends EngineGoneError {
  override name = 'EngineDiedError';
}

/** Asks the engine directly, also while everybody else waits for a recovery. */
export type Ask = <M extends EngineMethod>(
  method: M,
  params: EngineRequests[M][0],
  options?: RequestOptions,
) => Promise<EngineRequests[M][1]>;

/**
 * The engine as the extension sees it: started by the first request; when it dies the person is told once, it is started
 * again, `restore` opens again what was open, and requests made meanwhile wait for that.
 */
export class EngineService implements vscode.Disposable {
  private readonly client: EngineClient;
  private ready: Promise<void> | undefined;
  private recovering = false;
  /** Set by the owner of what is open. */
  restore: (ask: Ask) => Promise<void> = () => Promise.resolve();

  constructor(
    enginePath: string,
    private readonly log: Log,
    options?: EngineClientOptions,
  ) {
    this.client = new EngineClient(enginePath, (line) => logLine(log, line), {
      translations: translationsFile(),
      ...options,
    });
    this.client.onDidExit((exit) => this.died(exit));
  }

  get pid(): number | undefined {
    return this.client.pid;
  }

  /** Started, or recovered: ids that are read afterwards are those of the engine that runs. */
  whenReady(): Promise<void> {
    return (this.ready ??= this.start());
  }

  readonly request: Ask = async (method, params, options) => {
    await this.whenReady();
    return this.client.request(method, params, options).catch((error: unknown) => {
      throw error instanceof EngineGoneError ? new EngineDiedError(error.message, { cause: error }) : error;
    });
  };

  private async start(): Promise<void> {
    try {
      const { pid, onnxruntime } = await this.client.start();
      this.log.info(`Engine started (process ${pid}, ONNX Runtime ${onnxruntime}).`);
    } catch (error) {
      this.ready = undefined;
      throw error;
    }
  }

  private died(exit: EngineExit): void {
    this.ready = undefined;
    if (exit.reason === 'disposed') return;
    const stuck = exit.reason === 'stuck';
    const reason = stuck
      ? vscode.l10n.t('it did not stop after Cancel')
      : (exit.signal ?? vscode.l10n.t('exit code {0}', String(exit.code)));
    this.log.error(`The engine ended: ${reason}. ${exit.stderrTail}`);
    if (this.recovering) {
      showError(
        vscode.l10n.t(
          'The analysis engine stopped again ({0}) while it reopened the checkpoint; open it once more to retry.',
          reason,
        ),
      );
      return;
    }
    showError(
      stuck
        ? vscode.l10n.t('The analysis engine did not stop after Cancel and was started again.')
        : vscode.l10n.t(
            'The analysis engine stopped ({0}). It is being started again and reopens your checkpoint.',
            reason,
          ),
    );
    this.recovering = true;
    this.ready = this.start()
      .then(() => this.restore((method, params, options) => this.client.request(method, params, options)))
      .catch((error: unknown) => this.log.error(`Recovery: ${String(error)}`))
      .finally(() => (this.recovering = false));
  }

  dispose(): void {
    this.client.dispose();
  }
}

/** The engine no longer has what was asked about; asking for it anew helps. */
export const isGone = (error: unknown): boolean =>
  error instanceof EngineGoneError || (error instanceof EngineRequestError && error.code === EngineErrorCode.gone);
