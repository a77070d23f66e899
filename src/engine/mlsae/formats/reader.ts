import type { SaeFormat } from '../../../protocol/latents';
import type { StoredTensor } from '../../checkpoint/checkpoint';
import type { Config } from '../../checkpoint/config';
import type { Sae } from '../sae';

/** The files of an autoencoder, read but not checked against each other. */
export interface SaeFiles {
  folder: string;
  config: Config;
  /** For messages. */
  weights: string;
  tensors: ReadonlyMap<string, StoredTensor>;
}

/** What the files say. Its tensors are still to be found, and its sizes to be held against the model's. */
export interface SaeDescription extends Pick<
  Sae,
  'nInputs' | 'nLatents' | 'activate' | 'standardize' | 'encoder' | 'decoder' | 'bPre' | 'bEnc' | 'bDec' | 'notices'
> {
  /** Key of the config that says nInputs, or where else it is from. */
  widthFrom: string;
  /** `all`: of the model; undefined: the files do not say which layer it is. */
  layers: 'all' | number[] | undefined;
  /** Where `layers` is from. */
  layersFrom: string;
  /** It was trained behind a tuned lens; prefix of the translators in its own file. */
  tunedLens?: string;
}

/** One format: how it is recognised, and what its files mean. */
export interface SaeFormatReader {
  format: SaeFormat;
  config: 'config.json' | 'cfg.json';
  /** Absent: any `.safetensors`, as of a checkpoint. */
  weights?: string;
  /** Keys that its config has, by which it is told from others with the same file names. */
  keys: string[];
  /** Key of the width. */
  width?: string;
  /** The transformer that it says it was trained on. */
  transformer(config: Config): string | undefined;
  /** @throws InputError */
  describe(files: SaeFiles): SaeDescription;
}
