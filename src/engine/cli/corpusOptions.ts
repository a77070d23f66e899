/** `--corpus` and what belongs to it. */
import type { Command } from 'commander';
import { setImmediate } from 'node:timers/promises';
import type { Corpus, DeadBelow } from '../../protocol/latents/corpus';
import { InputError } from '../checkpoint/errors';
import { DEAD_BELOW } from '../mlsae/deadLatents';
import type { Steps } from '../runtime/types';
import { wholeNumber } from './open';

export interface CorpusOptions {
  corpus?: string[];
  field?: string;
  maxTokens?: string;
  context?: string;
  deadBelow?: string;
}

/** Adds --field, --max-tokens and --context. */
export const withCorpusLimits = (command: Command): Command =>
  command
    .option('--field <name>', 'where JSON lines and Parquet have their text (default: text)')
    .option('--max-tokens <n>', 'read at most this many tokens of the whole corpus')
    .option('--context <n>', 'tokens that the model reads at once (default: its context, at most 512)');

/** Adds --corpus and --dead-below too. */
export const withCorpus = (command: Command): Command =>
  withDeadBelow(
    withCorpusLimits(
      command.option(
        '--corpus <globs...>',
        'texts: globs, files or folders; .jsonl, .jsonl.zst, .parquet, others are text',
      ),
    ),
  );

/** Adds --dead-below. */
export const withDeadBelow = (command: Command): Command =>
  command.option(
    '--dead-below <fraction>',
    `latents that are active on a smaller fraction of the tokens are dead (default: ${DEAD_BELOW})`,
  );

/** @throws InputError when it is no fraction */
export function deadBelowOf({ deadBelow }: Pick<CorpusOptions, 'deadBelow'>): DeadBelow {
  if (deadBelow === undefined) return {};
  const value = deadBelow.trim() === '' ? NaN : Number(deadBelow);
  if (value >= 0 && value <= 1) return { deadBelow: value };
  throw new InputError(`--dead-below: expected a fraction from 0 to 1, found “${deadBelow}”`);
}

/** @throws InputError without --corpus, and for numbers that are none */
export function corpusOf({ corpus, field, maxTokens, context }: CorpusOptions): Corpus {
  if (!corpus?.length) throw new InputError('--corpus is missing: globs, files or folders of texts were expected');
  const limit = wholeNumber('--max-tokens', maxTokens);
  if (limit === 0) throw new InputError('--max-tokens: found 0, at least 1 was expected');
  return {
    globs: corpus,
    folder: process.cwd(),
    ...(field !== undefined && { field }),
    ...(limit !== undefined && { maxTokens: limit }),
    ...(context !== undefined && { context: wholeNumber('--context', context) }),
  };
}

/** Between two lines: on a terminal; elsewhere ever longer, up to a minute. */
const SHOWN_EVERY_MS = 1000;
const LONGEST_MS = 60_000;

/** Progress as lines on stderr, rewritten in place on a terminal. `done` ends the last one. */
export function stderrSteps(interrupted: () => void = () => undefined): Steps & { done(): void } {
  const start = performance.now();
  const isTerminal = process.stderr.isTTY;
  let [due, open] = [start, false];
  return {
    async step(message, fraction) {
      // signals come between two runs of the model
      await setImmediate();
      interrupted();
      const now = performance.now();
      if (now < due) return;
      due = now + Math.min(isTerminal ? SHOWN_EVERY_MS : LONGEST_MS, Math.max(SHOWN_EVERY_MS, (now - start) / 10));
      const percent = fraction === undefined ? '' : `${Math.floor(100 * fraction)} %  `;
      process.stderr.write(isTerminal ? `\r\x1b[K${percent}${message}` : `${percent}${message}\n`);
      open = isTerminal;
    },
    done() {
      if (open) process.stderr.write('\n');
      open = false;
    },
  };
}
