import { CancelledError } from '../errors';

/** Stops at the next step on SIGINT and SIGTERM (as a scheduler sends), so that what was done is saved. A second one ends at once. */
export function interruptible(): { check(): void; status(): number; dispose(): void } {
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
