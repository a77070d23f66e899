/** The built command line as a process. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from './files';

export interface Output {
  status: number;
  stdout: string;
  stderr: string;
}

export const circuitscope = (...args: string[]): Promise<Output> =>
  new Promise((resolve) => {
    execFile(process.execPath, [join(ROOT, 'dist/cli.js'), ...args], { maxBuffer: 1e8 }, (error, stdout, stderr) => {
      resolve({ status: error ? Number(error.code) : 0, stdout, stderr });
    });
  });

export async function succeed(...args: string[]): Promise<Output> {
  const output = await circuitscope(...args);
  assert.equal(output.status, 0, output.stderr);
  return output;
}
