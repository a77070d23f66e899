/** Files that a call names: where they are, and how much of them would be read. */
import * as l10n from '@vscode/l10n';
import { stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { totalBytes } from '../checkpoint/walk';
import { locate } from '../checkpoint/weightFiles';
import { readdir } from 'node:fs/promises';
import { size } from '../cli/print';
import { saeAt } from '../mlsae/formats/recognise';
import { onnxAt } from '../onnx/locate';

/** An absolute path: a relative one below the first root where it is there, else below the first. */
export async function absolutePath(given: string, roots: string[]): Promise<string> {
  if (isAbsolute(given)) return resolve(given);
  const candidates = (roots.length ? roots : [process.cwd()]).map((root) => resolve(root, given));
  for (const path of candidates) if (await stat(path).catch(() => undefined)) return path;
  return candidates[0]!;
}

/** @throws InputError when there is no checkpoint */
export async function checkpointRead(path: string): Promise<string> {
  const onnx = await onnxAt(path);
  const file = onnx ?? (await locate(path)).weights;
  const isIndex = file.endsWith('.json');
  const names = isIndex
    ? (await readdir(dirname(file))).filter((name) => name.endsWith('.safetensors'))
    : [basename(file)];
  const bytes = await totalBytes(dirname(file), names);
  return l10n.t('Reads the checkpoint {0} ({1} of weights).', path, size(bytes));
}

export async function saeRead(path: string): Promise<string> {
  const found = await saeAt(path);
  const bytes = found ? await totalBytes(found.folder, found.weights) : 0;
  return found
    ? l10n.t('Reads the sparse autoencoder {0} ({1} of weights).', path, size(bytes))
    : l10n.t('Reads the sparse autoencoder {0}.', path);
}

export const folderRead = (path: string): string =>
  l10n.t(
    'Looks for checkpoints and sparse autoencoders in {0} and the folders below: names, sizes, and their config files.',
    path,
  );

/** The file or folder itself, or a config.json in it. */
export const sameCheckpoint = (open: string, path: string): boolean =>
  open === path || join(open, 'config.json') === path;
