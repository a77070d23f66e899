/** Which `.onnx` file a path means. */
import * as l10n from '@vscode/l10n';
import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { InputError } from '../checkpoint/errors';

const ONNX = '.onnx';
/** In this order, where a folder has several. */
const USUAL = ['model.onnx', 'decoder_model.onnx', 'decoder_model_merged.onnx'];
/** Where optimum and transformers.js keep the exports of a folder. */
const BELOW = 'onnx';

export const isOnnx = (name: string): boolean => name.toLowerCase().endsWith(ONNX);

/**
 * The file itself, or that of a folder without safetensors.
 * @returns undefined when the path means no `.onnx`
 * @throws InputError listing the files of a folder that has several and none of the usual names
 */
export async function onnxAt(path: string): Promise<string | undefined> {
  const absolute = resolve(path);
  const stats = await stat(absolute).catch(() => undefined);
  if (!stats?.isDirectory()) return isOnnx(absolute) ? absolute : undefined;
  const names = await readdir(absolute).catch((): string[] => []);
  if (names.some((name) => name.endsWith('.safetensors'))) return undefined;
  return onnxIn(absolute, names);
}

/** The `.onnx` of a folder with these names, or of its folder `onnx`. */
export async function onnxIn(folder: string, names: string[]): Promise<string | undefined> {
  const files = names.filter(isOnnx);
  if (files.length === 0) {
    const below = join(folder, BELOW);
    const inner = names.includes(BELOW) ? await readdir(below).catch((): string[] => []) : [];
    return inner.some(isOnnx) ? chosen(below, inner.filter(isOnnx)) : undefined;
  }
  return chosen(folder, files);
}

function chosen(folder: string, files: string[]): string {
  const usual = USUAL.find((name) => files.includes(name)) ?? (files.length === 1 ? files[0] : undefined);
  if (usual !== undefined) return join(folder, usual);
  throw new InputError(
    l10n.t(
      '{0} has several .onnx files ({1}); one of them, or model.onnx, was expected.',
      folder,
      files.sort().join(', '),
    ),
  );
}
