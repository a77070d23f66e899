import { Worker } from 'node:worker_threads';

/**
 * Ends this process when its parent goes away. The IPC channel's `disconnect` tells so at once, but not while a native run
 * blocks the main thread; for that a thread of its own looks for the parent every second. SIGKILL, because an orderly exit
 * has to wait for the run. Where the operating system gives orphans a new parent the id changes; on Windows it stays, and
 * signal 0 tells whether that process still exists.
 */
export function exitWithParent(): void {
  process.once('disconnect', () => process.exit(0));
  const watch = `
    const { ppid } = process;
    const gone = () => {
      if (process.ppid !== ppid) return true;
      try { process.kill(ppid, 0); return false; } catch (error) { return error.code === 'ESRCH'; }
    };
    setInterval(() => gone() && process.kill(process.pid, 'SIGKILL'), 1000);`;
  new Worker(watch, { eval: true, name: 'parent watch' }).unref();
}
