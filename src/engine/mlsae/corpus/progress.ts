/** What the person is told while a corpus is read. */
import * as l10n from '@vscode/l10n';
import type { Steps } from '../../runtime/types';
import type { Sequence } from './sequences';

/** Between two looks at the cancel button while texts are passed over. */
const TICK_MS = 100;

export class Progress {
  private readonly start = performance.now();
  private first: number | undefined;
  private fraction = 0;
  private tokens = 0;
  private last = 0;

  /** @param whole bytes of the corpus, and tokens if there is a limit */
  constructor(
    private readonly steps: Steps,
    private readonly whole: { bytes: number; tokens: number },
  ) {}

  /** Before a sequence is run: reports, and stops here when the person cancelled. */
  async next({ bytes, next }: Sequence): Promise<void> {
    const done = Math.max(bytes / Math.max(1, this.whole.bytes), (next.tokens + next.start) / this.whole.tokens);
    this.fraction = Math.min(1, done);
    this.first ??= this.fraction;
    await this.report();
  }

  /** After it was run. */
  ran(tokens: number): void {
    this.tokens += tokens;
  }

  /** The same between steps of other work. */
  readonly within: Steps = { step: () => this.report() };

  /** While texts are passed over. */
  readonly tick = async (): Promise<void> => {
    if (performance.now() - this.last > TICK_MS) await this.report();
  };

  private async report(): Promise<void> {
    this.last = performance.now();
    await this.steps.step(this.message(), this.fraction);
  }

  private message(): string {
    const seconds = (performance.now() - this.start) / 1000;
    if (this.tokens === 0) return l10n.t('Reading the corpus');
    const done = this.fraction - (this.first ?? 0);
    const [tokens, rate] = [count(this.tokens), count(this.tokens / seconds)];
    if (done <= 0) return l10n.t('{0} tokens, {1} a second', tokens, rate);
    const left = duration((seconds * (1 - this.fraction)) / done);
    return l10n.t('{0} tokens, {1} a second, {2} left', tokens, rate, left);
  }
}

const count = (n: number): string => Math.round(n).toLocaleString('en-US');

/** Between the parts of a line about progress. */
export const partsComma = (): string =>
  l10n.t({ message: ', ', comment: ['Between the parts of a line about progress'] });

/** `40 s`, `12 min`, `3 h 20 min` */
export function duration(seconds: number): string {
  if (seconds < 60) return l10n.t('{0} s', Math.ceil(seconds));
  const minutes = Math.ceil(seconds / 60);
  return minutes < 60 ? l10n.t('{0} min', minutes) : l10n.t('{0} h {1} min', Math.floor(minutes / 60), minutes % 60);
}
