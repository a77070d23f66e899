import * as l10n from '@vscode/l10n';
import type { Graph } from '../graph/transformer';
import { Session } from './session';
import type { ForwardResult, Steps } from './types';

export type Timings = Pick<ForwardResult, 'loadMs' | 'runMs'>;

/**
 * When the weights of a session that is not there yet are packed: before its first run; when it runs again or nothing runs; or
 * not at all, for runs whose own values need the memory. Products of packed weights round otherwise.
 */
export type Packed = 'first' | 'later' | 'never';

export interface SessionRequest {
  /** For people, and with `exposes` what the session is kept under. */
  name: string;
  exposes: string[];
  /** Of its weights as float32. */
  bytes: number;
  /** @param once the session goes after its run */
  emit: (once: boolean) => Graph;
  packed: Packed;
  /** Memory of a run is kept for the next, which has the same sizes. */
  arena?: boolean;
}

interface Kept {
  session: Session;
  bytes: number;
  usedIn: number;
}

/** Quiet time after which sessions are packed. */
const IDLE_MS = 250;

/**
 * The sessions of a runner. Packing weights (bringing them into the order in which products read them) takes longer than a run
 * and a second copy of them, and saves a quarter of a run of 128 tokens. So on the CPU a session that is packed later first reads weights
 * where they lie and goes after its run, the pages with it; it is packed and kept when nothing has run for a moment, or when it
 * is needed again before that. What ran last is packed first: the unembedding is one large weight, in memory twice while it is packed.
 */
export class SessionCache {
  /** Least recently used first. */
  private readonly kept = new Map<string, Kept>();
  /** What ran without being packed, in that order. */
  private readonly unpacked = new Map<string, SessionRequest>();
  private runs = 0;
  private active = 0;
  private timer: NodeJS.Timeout | undefined;
  private packing: Promise<void> = Promise.resolve();

  /** @param keepBytes sessions of earlier runs are kept while all together stay below this */
  constructor(
    private readonly provider: string,
    private readonly keepBytes: number,
  ) {}

  /** Sessions that a run uses are there until it ends. */
  async during<T>(run: () => Promise<T>): Promise<T> {
    this.runs++;
    this.active++;
    clearTimeout(this.timer);
    await this.packing;
    try {
      return await run();
    } finally {
      this.active--;
      this.packWhenIdle();
    }
  }

  /** Gives `work` the session. */
  async use<T>(
    request: SessionRequest,
    timings: Timings,
    steps: Steps,
    work: (session: Session) => Promise<T>,
  ): Promise<T> {
    const key = keyOf(request);
    const known = this.kept.get(key);
    if (known) {
      this.kept.delete(key); // and set again, as the most recently used
      this.kept.set(key, { ...known, usedIn: this.runs });
      return work(known.session);
    }
    await steps.step(l10n.t('Loading {0}', request.name));
    if (request.packed === 'first' || this.provider !== 'cpu' || this.unpacked.has(key))
      return work(await timed(timings, 'loadMs', () => this.pack(request)));
    await this.makeRoom(request.bytes);
    const session = await timed(timings, 'loadMs', () =>
      Session.create(request.emit(true), this.provider, { isMapped: true }),
    );
    try {
      return await work(session);
    } finally {
      if (request.packed === 'later') this.unpacked.set(key, request);
      await session.dispose();
    }
  }

  private async pack(request: SessionRequest): Promise<Session> {
    const { bytes, emit, arena = false } = request;
    await this.makeRoom(bytes);
    const session = await Session.create(emit(false), this.provider, { arena });
    this.unpacked.delete(keyOf(request));
    this.kept.set(keyOf(request), { session, bytes, usedIn: this.runs });
    return session;
  }

  private packWhenIdle(): void {
    if (this.active > 0 || this.unpacked.size === 0) return;
    this.timer = setTimeout(() => {
      // what fails here fails again, and is said, when a run needs it
      this.packing = this.packAll().catch(() => undefined);
    }, IDLE_MS).unref();
  }

  private async packAll(): Promise<void> {
    for (const request of [...this.unpacked.values()].reverse()) {
      if (this.active > 0) return;
      await this.pack(request);
    }
  }

  /** Lets go of the least recently used sessions of earlier runs until `bytes` more fit. */
  private async makeRoom(bytes: number): Promise<void> {
    const total = (): number => [...this.kept.values()].reduce((sum, each) => sum + each.bytes, bytes);
    for (const [key, each] of this.kept) {
      if (total() <= this.keepBytes) return;
      if (each.usedIn === this.runs) continue;
      this.kept.delete(key);
      await each.session.dispose();
    }
  }

  async dispose(): Promise<void> {
    this.active++; // nothing is packed any more
    clearTimeout(this.timer);
    await this.packing;
    const all = [...this.kept.values()];
    this.kept.clear();
    for (const { session } of all) await session.dispose();
  }
}

const keyOf = ({ name, exposes }: SessionRequest): string => `${name}: ${exposes.join()}`;

export async function timed<T>(timings: Timings, what: keyof Timings, work: () => Promise<T>): Promise<T> {
  const start = performance.now();
  const value = await work();
  timings[what] += performance.now() - start;
  return value;
}
