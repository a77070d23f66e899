import * as l10n from '@vscode/l10n';
import { createContext, Script } from 'node:vm';

/** The task did not end in time. */
export class TimeLimitError extends Error {
  override name = 'TimeLimitError';
}

/** A global object of its own, by which the script knows the task. */
const holder: { task?: () => unknown } = {};
const script = new Script('task()');
let context: ReturnType<typeof createContext> | undefined;

/**
 * The result of `task`, which runs here and now. Unlike a timer this ends also a regular expression that backtracks for
 * ever: V8 looks while it matches whether the script's time is over.
 * @throws TimeLimitError
 */
export function withTimeLimit<T>(ms: number, task: () => T): T {
  context ??= createContext(holder); // takes some ms
  const outer = holder.task;
  holder.task = task;
  try {
    return script.runInContext(context, { timeout: Math.ceil(ms) }) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException | undefined)?.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT')
      throw new TimeLimitError(l10n.t('it takes more than {0} s', (ms / 1000).toFixed(0)));
    throw error;
  } finally {
    holder.task = outer;
  }
}
