import type { CheckpointInfo } from '../protocol/checkpoint';
import type { OpenSaeParams, SaeInfo } from '../protocol/latents';
import type { CorpusSummary } from '../protocol/latents/corpus';
import type { LatentNamesFile } from './latentNames';

export type SaeOptions = Pick<OpenSaeParams, 'tunedLens' | 'layer'>;

/** One open SAE; `info` is replaced when the engine opens it anew. */
export interface OpenSae {
  info: SaeInfo;
  /** Every id that it has had. */
  ids: Set<string>;
  checkpointPath: string;
  options: SaeOptions;
  names: LatentNamesFile;
  corpus?: CorpusSummary;
  reopening?: Promise<void>;
}

type OfCheckpoint = Pick<CheckpointInfo, 'path'>;

/** The open SAEs, the latest in use last. */
export class OpenSaes {
  private readonly list: OpenSae[] = [];

  get all(): readonly OpenSae[] {
    return this.list;
  }

  /** By any id that it has had. */
  find({ id }: Pick<SaeInfo, 'id'>): OpenSae | undefined {
    return this.list.find(({ ids }) => ids.has(id));
  }

  of({ path }: OfCheckpoint): OpenSae[] {
    return this.list.filter(({ checkpointPath }) => checkpointPath === path);
  }

  /** Of a checkpoint the one that was opened or chosen last. */
  inUse(checkpoint: OfCheckpoint): OpenSae | undefined {
    return this.of(checkpoint).at(-1);
  }

  has(open: OpenSae): boolean {
    return this.list.includes(open);
  }

  add(open: OpenSae): void {
    this.list.push(open);
  }

  remove(open: OpenSae): void {
    this.list.splice(this.list.indexOf(open), 1);
  }

  /** @returns whether it was not in use before */
  use(open: OpenSae): boolean {
    if (this.list.at(-1) === open) return false;
    this.remove(open);
    this.add(open);
    return true;
  }
}
