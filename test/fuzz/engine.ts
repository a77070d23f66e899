/** The engine's real process, watched: it must live, answer in time, stay small, and say what is wrong in a sentence. */
import { readFileSync, writeFileSync } from 'node:fs';
import { EngineClient, EngineGoneError, EngineRequestError } from '../../src/host/engineClient';
import type { EngineExit } from '../../src/host/engineClient';
import { EngineErrorCode } from '../../src/protocol/engine';
import type { EngineMethod, EngineRequests, LogLine } from '../../src/protocol/engine';
import { blame } from './judge';

/** What the engine may take for one answer, and its process of the memory, while all files are small. */
export const LIMITS = { ms: 10_000, bytes: 1e9 };
/** A process that holds so much between two mutants is not used for the next one. */
const WORN_BYTES = 0.4e9;
const WORN_MUTANTS = 150;

export type ProblemKind = 'died' | 'hung' | 'grew' | 'internal error' | 'bad sentence';

/** What must not happen. */
export class Problem extends Error {
  constructor(
    readonly kind: ProblemKind,
    readonly method: EngineMethod,
    message: string,
  ) {
    super(message);
  }
}

export type Answer<M extends EngineMethod> = { result: EngineRequests[M][1] } | { refusal: string };

export class WatchedEngine {
  private client: EngineClient | undefined;
  private lines: LogLine[] = [];
  private exit: EngineExit | undefined;
  private mutants = 0;
  /** The mutant's request that took longest. */
  slowest = { method: '', ms: 0 };
  /** What the mutant was refused with last. */
  refusal = '';
  /** Checkpoints that stay open from mutant to mutant, by path. */
  readonly kept = new Map<string, EngineRequests['openCheckpoint'][1]>();

  constructor(
    private readonly path: string,
    private readonly limits = LIMITS,
  ) {}

  /** A process that has seen no other mutant, or few. */
  async ready(fresh: boolean): Promise<void> {
    if (fresh || this.mutants >= WORN_MUTANTS || this.peak() > WORN_BYTES) this.end();
    this.mutants++;
    this.slowest = { method: '', ms: 0 };
    this.refusal = '';
    this.lines = [];
    if (this.client) return this.forgetPeak();
    this.kept.clear();
    this.exit = undefined;
    this.client = new EngineClient(this.path, (line) => this.lines.push(line));
    this.client.onDidExit((exit) => (this.exit = exit));
    await this.client.start();
  }

  end(): void {
    this.client?.dispose();
    this.client = undefined;
    this.mutants = 0;
    this.kept.clear();
  }

  /** @throws Problem */
  async ask<M extends EngineMethod>(method: M, params: EngineRequests[M][0]): Promise<Answer<M>> {
    const { client } = this;
    if (!client) throw new Error('the engine was not started');
    const watch = this.watch(client);
    const start = performance.now();
    try {
      const result = await Promise.race([client.request(method, params), watch.failed]);
      this.checkPeak();
      this.checkLog();
      checkNotices(result);
      return { result };
    } catch (error) {
      if (error instanceof Blame) throw this.problem(error.kind, method, error.message);
      if (error instanceof EngineRequestError) return this.refused(method, error);
      if (error instanceof EngineGoneError) throw this.problem('died', method, this.lastWords(error));
      throw error;
    } finally {
      watch.end();
      const ms = performance.now() - start;
      if (ms > this.slowest.ms) this.slowest = { method, ms };
    }
  }

  private refused<M extends EngineMethod>(method: M, { code, message }: EngineRequestError): Answer<M> {
    if (code !== EngineErrorCode.badInput) {
      const stack = this.lines.find((line) => line.level === 'error')?.message;
      throw this.problem('internal error', method, stack ?? message);
    }
    const wrong = blame(message);
    if (wrong) throw this.problem('bad sentence', method, `${wrong}: ${message.slice(0, 2000)}`);
    this.refusal = `${method}: ${message}`;
    return { refusal: message };
  }

  /** A process with which something went wrong is not used again. */
  private problem(kind: ProblemKind, method: EngineMethod, message: string): Problem {
    this.end();
    return new Problem(kind, method, message);
  }

  private lastWords(error: Error): string {
    return [error.message, this.exit?.stderrTail].filter(Boolean).join('\n');
  }

  private watch(client: EngineClient): { failed: Promise<never>; end(): void } {
    const timers: NodeJS.Timeout[] = [];
    const failed = new Promise<never>((_, reject) => {
      const { ms } = this.limits;
      timers.push(setTimeout(() => reject(new Blame('hung', `no answer for ${ms / 1000} s`)), ms));
      const look = (): void => {
        const bytes = peakBytes(client.pid);
        if (bytes > this.limits.bytes) reject(grown(bytes));
      };
      timers.push(setInterval(look, 50));
    });
    failed.catch(() => undefined); // nobody may be waiting any more
    return { failed, end: () => timers.forEach(clearTimeout) };
  }

  private checkPeak(): void {
    const bytes = this.peak();
    if (bytes > this.limits.bytes) throw grown(bytes);
  }

  private checkLog(): void {
    const stray = this.lines.find(({ message }) => /Unhandled rejection|Uncaught/i.test(message));
    if (stray) throw new Blame('internal error', stray.message);
  }

  private readonly peak = (): number => peakBytes(this.client?.pid);

  /** From now on the peak is that of the next mutant. */
  private forgetPeak(): void {
    if (process.platform === 'linux') writeFileSync(`/proc/${this.client!.pid}/clear_refs`, '5');
  }
}

class Blame extends Error {
  constructor(
    readonly kind: ProblemKind,
    message: string,
  ) {
    super(message);
  }
}

const grown = (bytes: number): Blame => new Blame('grew', `the process grew to ${(bytes / 1e6).toFixed(0)} MB`);

/** Notices are read by a person as well. */
function checkNotices(result: unknown): void {
  if (typeof result !== 'object' || result === null || !('notices' in result)) return;
  for (const notice of result.notices as string[]) {
    const wrong = blame(notice);
    if (wrong) throw new Blame('bad sentence', `${wrong} in a notice: ${notice.slice(0, 2000)}`);
  }
}

/** Largest resident size so far, in bytes; 0 where the system does not tell. */
function peakBytes(pid: number | undefined): number {
  if (pid === undefined || process.platform !== 'linux') return 0;
  try {
    return 1024 * Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
