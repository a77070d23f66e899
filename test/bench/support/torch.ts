import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { Skip } from './measure';

/** The first Python that can import torch: CIRCUITSCOPE_PYTHON, the one on PATH, the system's. */
function pythonWithTorch(): string | undefined {
  const candidates = [process.env['CIRCUITSCOPE_PYTHON'], 'python3', '/usr/bin/python3'];
  return candidates.find((python) => python && spawnSync(python, ['-c', 'import torch']).status === 0);
}

/** OpenBLAS does not know every processor, and threads that wait awake take the processor from each other. */
const FAIR = { OPENBLAS_CORETYPE: 'SKYLAKEX', OMP_WAIT_POLICY: 'passive' };

export interface TorchOptions {
  args?: (string | number)[];
  /** Beside or instead of what is fair; undefined removes. */
  env?: Record<string, string | undefined>;
}

/** A script of this folder's parent in a Python process of its own: a line of JSON for each that it gets. */
export class Torch<A extends { version: string; threads: number }> {
  /** `PyTorch 1.13.0, 4 threads`, after the first answer. */
  name = 'PyTorch';

  private constructor(
    private readonly child: ChildProcess,
    private readonly lines: AsyncIterator<string>,
  ) {}

  /** @returns undefined where no Python has torch */
  static start<A extends { version: string; threads: number }>(
    script: string,
    { args = [], env }: TorchOptions = {},
  ): Torch<A> | undefined {
    const python = pythonWithTorch();
    if (python === undefined) return undefined;
    const threads = { OMP_NUM_THREADS: String(availableParallelism()) };
    const file = path.resolve('test', 'bench', script);
    const child = spawn(python, [file, ...args.map(String)], {
      env: { ...threads, ...FAIR, ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const kill = (): unknown => child.kill();
    process.on('exit', kill);
    child.on('exit', () => process.off('exit', kill));
    return new Torch(child, createInterface({ input: child.stdout })[Symbol.asyncIterator]());
  }

  async run(request: string | object): Promise<A> {
    this.child.stdin!.write(`${typeof request === 'string' ? request : JSON.stringify(request)}\n`);
    const { value, done } = await this.lines.next();
    if (done) throw new Error('the Python process ended: see its message above');
    const answer = JSON.parse(value as string) as A;
    this.name = `PyTorch ${answer.version}, ${answer.threads} threads`;
    return answer;
  }

  stop(): void {
    this.child.stdin!.end();
  }
}

export function needed<T>(torch: T | undefined): T {
  if (!torch) throw new Skip('no Python here can import torch (CIRCUITSCOPE_PYTHON names one)');
  return torch;
}
