/** Folders that sweeps wrote. */
import { access, readFile } from 'node:fs/promises';
import * as path from 'node:path';

/** Whether a sweep came to its end there. */
export async function isComplete(folder: string): Promise<boolean> {
  try {
    const record = JSON.parse(await readFile(path.join(folder, 'sweep.json'), 'utf8')) as { complete?: unknown };
    return record.complete === true;
  } catch {
    return false;
  }
}

const exists = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );

/** A folder beside this one that is not there yet: `sae-2`, and `sae-3` beside `sae-2`. */
export async function freshFolder(folder: string): Promise<string> {
  const [, before] = /^(.+)-\d+$/.exec(folder) ?? [];
  // a name may end in a number of its own
  const base = before !== undefined && (await exists(before)) ? before : folder;
  for (let n = 2; ; n++) if (!(await exists(`${base}-${n}`))) return `${base}-${n}`;
}
