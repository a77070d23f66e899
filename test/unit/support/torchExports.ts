/** PyTorch's own exporter, where a Python with PyTorch is there (test/exports). */
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ROOT, tempFolder } from './files';

/** The first Python that has the PyTorch of export.py: CIRCUITSCOPE_PYTHON, the one on PATH, the system's. */
export function pythonThatExports(): string | undefined {
  const candidates = [process.env['CIRCUITSCOPE_PYTHON'], 'python3', '/usr/bin/python3'];
  const check = 'import torch, sys; sys.exit(not torch.__version__.startswith("1.13"))';
  return candidates.find((python) => python && spawnSync(python, ['-c', check]).status === 0);
}

export interface TorchExport {
  /** A checkpoint folder. */
  checkpoint: string;
  /** Of export.py, e.g. `--static 9`. */
  options: string[];
}

/** Exports checkpoints in one process. @returns the `.onnx` files */
export async function exportByTorch(python: string, exports: TorchExport[]): Promise<string[]> {
  const folder = tempFolder();
  const files = exports.map((_, i) => join(folder, `model-${i}.onnx`));
  const jobs = JSON.stringify(exports.map(({ checkpoint, options }, i) => [checkpoint, files[i], ...options]));
  const script = join(ROOT, 'test/exports/export.py');
  // writes no bytecode beside the script
  const child = spawn(python, ['-B', script, '--jobs', jobs], { stdio: ['ignore', 'ignore', 'pipe'] });
  let problem = '';
  child.stderr.on('data', (text: Buffer) => (problem += text.toString()));
  const code = await new Promise((resolve) => child.on('close', resolve));
  if (code !== 0) throw new Error(`export.py ended with ${String(code)}: ${problem}`);
  return files;
}
