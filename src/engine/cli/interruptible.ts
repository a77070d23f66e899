import { CancelledError } from '../errors';
import { stderrSteps } from './corpusOptions';
import { note } from './print';

/** Does work that saves what it has when it is stopped by a signal, and says how to go on with it then. @param out its folder */
export async function resumable(
  out: string,
  work: (steps: ReturnType<typeof stderrSteps>) => Promise<void>,
): Promise<void> {
  const interrupt = interruptible();
  try {
    await work(stderrSteps(interrupt.check));
  } catch (error) {
    if (!(error instanceof CancelledError)) throw error;
    note(`Stopped; run the same command again to go on with ${out}.`);
    process.exitCode = interrupt.status();
  } finally {
    interrupt.dispose();
  }
}

/** Stops at the next step on SIGINT and SIGTERM (as a scheduler sends), so that what was done is saved. A second one ends at once. */
function interruptible(): { check(): void; status(): number; dispose(): void } {
  let status = 0;
  const codes: Partial<Record<NodeJS.Signals, number>> = { SIGINT: 130, SIGTERM: 143 };
  const stop = (signal: NodeJS.Signals): void => {
    if (status) process.exit(status);
    status = codes[signal] ?? 1;
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  return {
    check: () => {
      if (status) throw new CancelledError();
    },
    status: () => status,
    dispose: () => void process.off('SIGINT', stop).off('SIGTERM', stop),
  };
}
