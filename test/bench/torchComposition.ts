import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { createInterface, type Interface } from 'node:readline';

/** One run of composition_torch.py: times in ms, memory of its process so far. */
export interface TorchRun {
  weightsMs: number;
  scoresMs: number;
  byLayer: boolean;
  threads: number;
  version: string;
  peakMegabytes: number;
  mean: number;
}

/** The first Python that can import torch: CIRCUITSCOPE_PYTHON, the one on PATH, the system's. */
function pythonWithTorch(): string | undefined {
  const candidates = [process.env.CIRCUITSCOPE_PYTHON, 'python3', '/usr/bin/python3'];
  return candidates.find((python) => python && spawnSync(python, ['-c', 'import torch']).status === 0);
}

/** TransformerLens's way in PyTorch, in a process of its own that lives as long as this object. */
export class TorchComposition {
  private constructor(
    private readonly process: ChildProcess,
    private readonly lines: Interface,
  ) {}

  /** @returns undefined where no Python has torch */
  static start(folder: string, nHeads: number): TorchComposition | undefined {
    const python = pythonWithTorch();
    if (python === undefined) return undefined;
    // its threads wait awake, as is their default: passive waiting makes the small decompositions twenty times slower
    const env = {
      OMP_NUM_THREADS: String(availableParallelism()),
      OPENBLAS_CORETYPE: 'SKYLAKEX',
      ...process.env,
    };
    const script = path.resolve('test', 'bench', 'composition_torch.py');
    const child = spawn(python, [script, folder, String(nHeads)], { env, stdio: ['pipe', 'pipe', 'inherit'] });
    return new TorchComposition(child, createInterface({ input: child.stdout }));
  }

  async run(mode: 'all' | 'layer'): Promise<TorchRun> {
    const line = new Promise<string>((resolve, reject) => {
      this.lines.once('line', resolve);
      this.process.once('exit', (code) => reject(new Error(`composition_torch.py ended with ${code}`)));
    });
    this.process.stdin!.write(`${mode}\n`);
    return JSON.parse(await line) as TorchRun;
  }

  stop(): void {
    this.process.stdin!.end();
  }
}
