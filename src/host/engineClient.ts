import * as l10n from '@vscode/l10n';
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type * as Rpc from 'vscode-jsonrpc/node';
import type { CancellationToken, Disposable, MessageConnection, RequestType2 } from 'vscode-jsonrpc/node';
import { EngineErrorCode } from '../protocol/engine';
import type { EngineMethod, EngineProgress, EngineRequests, LogLine } from '../protocol/engine';
import { engineEnvironment } from './engineEnvironment';

/** The engine's process is not there (never started, died, disposed); `message` says why. */
export class EngineGoneError extends Error {
  override name = 'EngineGoneError';
}

/** The caller's token was cancelled. */
export class EngineCancelledError extends Error {
  override name = 'EngineCancelledError';
  constructor() {
    super(l10n.t('Cancelled.'));
  }
}

/** The engine answered with an error: one of `EngineErrorCode`, or a JSON-RPC code for what is the engine's own fault. */
export class EngineRequestError extends Error {
  override name = 'EngineRequestError';
  constructor(
    message: string,
    readonly code: number,
  ) {
    super(message);
  }
  /** `message` is a sentence for the person about their input. */
  get isInput(): boolean {
    return this.code === EngineErrorCode.badInput;
  }
}

export interface EngineExit {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** `disposed`: by `dispose()`. `stuck`: killed, since it did not react to a cancelled request. `died`: by itself. */
  reason: 'disposed' | 'stuck' | 'died';
  /** The last lines that it wrote to stderr. */
  stderrTail: string;
}

export interface RequestOptions {
  /** When it is cancelled the request rejects at once; the engine finishes its step and drops the result. */
  token?: CancellationToken;
  /** A cancelled request rejects only when the engine has answered, which saves something first. */
  untilAnswered?: boolean;
  onProgress?: (progress: EngineProgress) => void;
}

type Version = EngineRequests['version'][1];
type Reject = (error: Error) => void;
type RpcModule = typeof Rpc;

/** One running engine process. */
interface Running {
  child: ChildProcess;
  rpc: RpcModule;
  connection: MessageConnection;
  /** Requests without an answer. */
  waiting: Set<Reject>;
  reason: EngineExit['reason'];
}

export interface EngineClientOptions {
  /** How long the engine may be silent after a request was cancelled, in ms. */
  stuckMs?: number;
  /** File with translations of what the engine says. Without it, and where it cannot be read: English. */
  translations?: string | undefined;
}

const STDERR_TAIL = 4000;
const START_TIMEOUT_MS = 30_000;
/** Longer than nearly every step; a pattern of a tokenizer's can take for ever. */
const STUCK_MS = 10_000;

/**
 * The engine's process, seen from the host. It imports nothing of VS Code. After the process has died, `start()` starts a
 * new one, which knows nothing of what was open in the old.
 */
export class EngineClient {
  private running: Running | undefined;
  private readonly exitListeners = new Set<(exit: EngineExit) => void>();
  private progressTokens = 0;
  private disposals = 0;

  constructor(
    private readonly enginePath: string,
    private readonly log: (line: LogLine) => void,
    private readonly options: EngineClientOptions = {},
  ) {}

  /** The engine's process, while there is one. */
  get pid(): number | undefined {
    return this.running?.child.pid;
  }

  /**
   * Starts the process, or asks the one that runs.
   * @throws EngineGoneError when it does not start
   */
  async start(): Promise<Version> {
    const { disposals } = this;
    // by the first start: it takes longer to load than all the rest of the extension
    const rpc = await import('vscode-jsonrpc/node');
    if (disposals !== this.disposals) throw new EngineGoneError(MESSAGES.disposed());
    const running = (this.running ??= this.fork(rpc));
    const timer = setTimeout(() => running.child.kill('SIGKILL'), START_TIMEOUT_MS);
    try {
      return await this.request('version', null);
    } catch (error) {
      if (!(error instanceof EngineGoneError)) running.child.kill('SIGKILL');
      const message = l10n.t('The analysis engine did not start: {0}', messageOf(error));
      throw new EngineGoneError(message, { cause: error });
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * @throws EngineRequestError | EngineCancelledError | EngineGoneError
   */
  request<M extends EngineMethod>(
    method: M,
    params: EngineRequests[M][0],
    { token, untilAnswered, onProgress }: RequestOptions = {},
  ): Promise<EngineRequests[M][1]> {
    const { running } = this;
    if (!running) return Promise.reject(new EngineGoneError(l10n.t('The analysis engine is not running.')));
    if (token?.isCancellationRequested) return Promise.reject(new EngineCancelledError());
    const { connection, waiting, rpc } = running;
    const type = typeOf<M>(rpc, method);
    const progress = onProgress ? ++this.progressTokens : null;
    const ends: Disposable[] = [];
    if (onProgress && progress !== null)
      ends.push(connection.onProgress(new rpc.ProgressType<EngineProgress>(), progress, onProgress));
    return new Promise<EngineRequests[M][1]>((resolve, reject) => {
      waiting.add(reject);
      ends.push({ dispose: () => waiting.delete(reject) });
      const answer = connection.sendRequest(type, params, progress, token);
      const cancelled = (): void => {
        if (!untilAnswered) reject(new EngineCancelledError());
        void this.endIfStuck(running, answer);
      };
      if (token) ends.push(token.onCancellationRequested(cancelled));
      answer.then(
        (result) => resolve(ownBuffers(result)),
        (error: unknown) => {
          // a dying process closes its connection first; `died` knows the reason and rejects then
          if (!isConnectionLoss(rpc, error)) reject(this.translate(rpc, method, error));
        },
      );
    }).finally(() => ends.forEach((end) => end.dispose()));
  }

  /** Called each time a process has ended, after its requests were rejected. */
  onDidExit(listener: (exit: EngineExit) => void): Disposable {
    this.exitListeners.add(listener);
    return { dispose: () => this.exitListeners.delete(listener) };
  }

  /** Ends the process at once, also in the middle of a run (which harms nobody). */
  dispose(): void {
    this.disposals++;
    if (!this.running) return;
    this.running.reason = 'disposed';
    this.running.child.kill('SIGKILL');
  }

  /**
   * Kills a process that, until a cancelled request is answered, says nothing for too long. It is asked something easy
   * meanwhile: a request that only waits for the steps of another is no reason to end that one.
   */
  private async endIfStuck(running: Running, answer: Promise<unknown>): Promise<void> {
    const { stuckMs = STUCK_MS } = this.options;
    // throws at once when the connection is closed
    const ask = async (): Promise<unknown> =>
      running.connection.sendRequest(typeOf<'version'>(running.rpc, 'version'), null, null);
    let waits = true;
    const answered = answer.then(
      () => (waits = false),
      () => (waits = false),
    );
    while (waits && this.running === running) {
      const silent = setTimeout(() => {
        if (running.reason === 'died') running.reason = 'stuck';
        running.child.kill('SIGKILL');
      }, stuckMs);
      await ask().catch(() => undefined);
      clearTimeout(silent);
      await Promise.race([answered, sleep(stuckMs, undefined, { ref: false })]);
    }
  }

  private fork(rpc: RpcModule): Running {
    const { translations } = this.options;
    const child = fork(this.enginePath, translations ? [translations] : [], {
      serialization: 'advanced',
      execArgv: [],
      // VS Code's extension host is Electron; this makes the same binary a plain Node
      env: { ...engineEnvironment(), ELECTRON_RUN_AS_NODE: '1' },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    const connection = rpc.createMessageConnection(new rpc.IPCMessageReader(child), new rpc.IPCMessageWriter(child));
    const running: Running = { child, rpc, connection, waiting: new Set(), reason: 'died' };
    let stderrTail = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderrTail = (stderrTail + text).slice(-STDERR_TAIL);
      this.log({ level: 'warn', message: text.trimEnd() });
    });
    child.stdout
      ?.setEncoding('utf8')
      .on('data', (text: string) => this.log({ level: 'info', message: text.trimEnd() }));
    connection.onNotification(new rpc.NotificationType<LogLine>('log'), (line) => this.log(line));
    connection.onError(([error]) =>
      this.log({ level: 'error', message: `Connection to the engine: ${error.message}` }),
    );
    child.once('error', (error) => {
      stderrTail ||= error.message;
      if (child.pid === undefined) this.died(running, { code: null, signal: null, stderrTail });
    });
    // not `exit`: by `close` all of stderr has been read
    child.once('close', (code, signal) => this.died(running, { code, signal, stderrTail }));
    connection.listen();
    return running;
  }

  private died(running: Running, ended: Omit<EngineExit, 'reason'>): void {
    if (this.running !== running) return;
    this.running = undefined;
    const { reason } = running;
    const message = reason === 'died' ? l10n.t('The analysis engine ended ({0}).', whyOf(ended)) : MESSAGES[reason]();
    for (const reject of running.waiting) reject(new EngineGoneError(message));
    running.connection.dispose();
    for (const listener of this.exitListeners) listener({ ...ended, reason });
  }

  private translate({ ResponseError }: RpcModule, method: EngineMethod, error: unknown): Error {
    if (!(error instanceof ResponseError)) return error instanceof Error ? error : new Error(String(error));
    if (error.code === EngineErrorCode.cancelled) return new EngineCancelledError();
    if (typeof error.data === 'string') this.log({ level: 'error', message: `${method}: ${error.data}` });
    return new EngineRequestError(error.message, error.code);
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const MESSAGES = {
  disposed: () => l10n.t('The analysis engine was stopped.'),
  stuck: () => l10n.t('The analysis engine did not stop after Cancel.'),
};

/** Parameters, and the token by which progress is told. */
const typeOf = <M extends EngineMethod>(
  { RequestType2 }: RpcModule,
  method: M,
): RequestType2<unknown, number | null, EngineRequests[M][1], string | undefined> => new RequestType2(method);

const isConnectionLoss = ({ ErrorCodes, ResponseError }: RpcModule, error: unknown): boolean =>
  error instanceof ResponseError &&
  [ErrorCodes.PendingResponseRejected, ErrorCodes.ConnectionInactive].some((code) => code === error.code);

/** `killed by SIGKILL`, `exit code 1: Error: Cannot find module …`. */
function whyOf({ code, signal, stderrTail }: Omit<EngineExit, 'reason'>): string {
  if (signal) return l10n.t('killed by {0}', signal);
  const said = stderrTail.split('\n').find((line) => /\w*Error\b/.test(line)) ?? stderrTail.trim().split('\n').at(-1);
  if (code === null) return said ?? '';
  return said ? l10n.t('exit code {0}: {1}', code, said) : l10n.t('exit code {0}', code);
}

/**
 * Node hands typed arrays out as views on the message they came in. Whoever posts one on (to a webview) would send the
 * whole message along, so the arrays of a result get buffers of their own.
 */
function ownBuffers<T>(result: T): T {
  if (typeof result !== 'object' || result === null || ArrayBuffer.isView(result)) return result;
  const parts = result as Record<string, unknown>;
  // not Object.entries: the predictions of a long prompt are thousands of objects
  for (const key in parts) {
    const part = parts[key];
    if (typeof part !== 'object' || part === null) continue;
    if (!isTypedArray(part)) ownBuffers(part);
    else if (part.byteLength < part.buffer.byteLength) parts[key] = part.slice();
  }
  return result;
}

const isTypedArray = (value: unknown): value is Float32Array =>
  ArrayBuffer.isView(value) && !(value instanceof DataView);
