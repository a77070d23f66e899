import { spawnSync } from 'node:child_process';
import { engineEnvironment } from '../../../src/host/engineEnvironment';

/**
 * Runs `work` in the environment that the host gives the engine, which the C library reads when a process starts: in this
 * process, or in another that runs the same file. Python processes that it starts have it too.
 */
export function asEngine(work: () => Promise<void>): void {
  const env = engineEnvironment();
  if (env['GLIBC_TUNABLES'] === process.env['GLIBC_TUNABLES']) return void work();
  const args = [...process.execArgv, ...process.argv.slice(1)];
  process.exitCode = spawnSync(process.execPath, args, { env, stdio: 'inherit' }).status ?? 1;
}
