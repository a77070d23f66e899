import * as vscode from 'vscode';
import type { SaeInfo } from '../protocol/latents';

const KEY = 'circuitscope.sweeps';

/** Where the results of an SAE's sweep lie that were looked at last, by its folder; kept over a reload. */
export class LastSweeps {
  constructor(private readonly state: vscode.Memento) {}

  of({ path }: SaeInfo): string | undefined {
    return this.all()[path];
  }

  async remember({ path }: SaeInfo, dir: string): Promise<void> {
    await this.state.update(KEY, { ...this.all(), [path]: dir });
  }

  private all(): Record<string, string> {
    return this.state.get<Record<string, string>>(KEY, {});
  }
}

/** The setting `deadLatentThreshold`; undefined, which is the default, where it is no fraction. */
export function deadBelow(): number | undefined {
  const set = vscode.workspace.getConfiguration('circuitscope').get<unknown>('deadLatentThreshold');
  return typeof set === 'number' && set >= 0 && set <= 1 ? set : undefined;
}
