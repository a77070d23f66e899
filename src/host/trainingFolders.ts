/** Folders that trainings wrote. */
import { readdir } from 'node:fs/promises';
import * as path from 'node:path';

const STEP = /^step(\d+)$/;

/** The folder itself, or that of its last step. */
export async function newestCheckpoint(dir: string): Promise<string> {
  const names = await readdir(dir).catch(() => [] as string[]);
  if (names.includes('config.json')) return dir;
  const steps = names.map((name) => STEP.exec(name)?.[1]).filter((step) => step !== undefined);
  const last = steps.map(Number).sort((a, b) => b - a)[0];
  return last === undefined ? dir : path.join(dir, `step${last}`);
}
