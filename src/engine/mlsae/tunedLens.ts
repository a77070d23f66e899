/**
 * Translators of a tuned lens (github.com/AlignmentResearch/tuned-lens): for each layer an affine map that is added to the
 * residual, h + W h + b, stored as the state dict of a list of linear layers (`0.weight`, `0.bias` …).
 */
import * as l10n from '@vscode/l10n';
import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { StoredTensor } from '../checkpoint/checkpoint';
import { InputError } from '../checkpoint/errors';
import { readSafetensors } from '../checkpoint/safetensors';
import type { WeightRef } from '../checkpoint/description';
import { checkWeights } from '../checkpoint/usedWeights';
import type { SaeDescription, SaeFiles } from './formats/reader';
import type { Sae } from './sae';

/** What the list of translators is called in a state dict. */
const PREFIXES = ['', 'layer_translators.', 'lens.layer_translators.'];

type Translator = { weight: WeightRef; bias: WeightRef };

interface Translators {
  tunedLens?: Sae['tunedLens'];
  /** Those that are used, by the names in the refs. */
  tensors: ReadonlyMap<string, StoredTensor>;
}

/**
 * The translators of `layers`: of the folder or file `path` or, without one, of the autoencoder's own file when it was
 * trained behind a lens.
 * @throws InputError
 */
export async function readTunedLens(
  { nInputs, tunedLens: own }: SaeDescription,
  files: SaeFiles,
  layers: number[],
  path: string | undefined,
): Promise<Translators> {
  if (path === undefined && own === undefined) return { tensors: new Map() };
  const file = path === undefined ? files.weights : await fileAt(resolve(path));
  const stored = path === undefined ? files.tensors : await readSafetensors(file);
  const prefixes = path === undefined ? [own!] : PREFIXES;
  const prefix = prefixes.find((each) => stored.has(`${each}${layers[0]}.weight`));
  if (prefix === undefined && path === undefined) {
    throw new InputError(
      l10n.t(
        '{0}: tuned_lens is true, but {1} has no translators ({2} …); give the tuned lens when opening (tunedLens, --tuned-lens).',
        files.config.file,
        file,
        `${own}0.weight`,
      ),
    );
  }
  const tensors = new Map<string, StoredTensor>();
  const tunedLens = new Map<number, Translator>();
  for (const layer of layers) {
    const part = (name: string, shape: number[]): WeightRef => {
      const tensor = `${prefix ?? ''}${layer}.${name}`;
      const [found] = checkWeights([{ tensor, shape }], stored, file, l10n.t('the width of the autoencoder'));
      // its short name could be one of the autoencoder's
      const renamed = `tuned_lens.${layer}.${name}`;
      tensors.set(renamed, found!);
      return { tensor: renamed, shape };
    };
    tunedLens.set(layer, { weight: part('weight', [nInputs, nInputs]), bias: part('bias', [nInputs]) });
  }
  return { tunedLens, tensors };
}

/** The safetensors file that a path means. */
async function fileAt(path: string): Promise<string> {
  const stats = await stat(path).catch(() => undefined);
  if (!stats)
    throw new InputError(
      l10n.t('{0} does not exist; a tuned lens (a .safetensors file or its folder) was expected.', path),
    );
  if (!stats.isDirectory()) return path;
  const names: string[] = await readdir(path).catch(() => []);
  const files = names.filter((name) => name.endsWith('.safetensors'));
  const name = files.find((each) => each === 'params.safetensors') ?? (files.length === 1 ? files[0] : undefined);
  if (name !== undefined) return join(path, name);
  const hasPickle = names.includes('params.pt');
  if (files.length === 0)
    throw new InputError(
      hasPickle
        ? l10n.t(
            '{0} has no .safetensors files, and params.pt is a pickle: save its tensors as safetensors; params.safetensors with the translators of a tuned lens was expected.',
            path,
          )
        : l10n.t(
            '{0} has no .safetensors files; params.safetensors with the translators of a tuned lens was expected.',
            path,
          ),
    );
  throw new InputError(
    hasPickle
      ? l10n.t(
          '{0} has several .safetensors files, and params.pt is a pickle: save its tensors as safetensors; params.safetensors with the translators of a tuned lens was expected.',
          path,
        )
      : l10n.t(
          '{0} has several .safetensors files; params.safetensors with the translators of a tuned lens was expected.',
          path,
        ),
  );
}
