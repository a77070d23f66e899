/** What the tools share: fields of their inputs, and how results are kept small. */
import * as l10n from '@vscode/l10n';
import type { HeadRef } from '../../protocol/checkpoint';
import { headName } from '../../protocol/checkpoint';
import { InputError } from '../checkpoint/errors';
import { line, longText, tokenIds } from './schema';
import type { OpenCheckpoint } from './tool';

/** Longest prompt in tokens, and the most characters of one. */
export const MAX_TOKENS = 1024;
const MAX_CHARACTERS = 100_000;

export const checkpointField = line(
  'Path of the checkpoint: a folder with config.json and .safetensors, one of these files, or a .onnx file. Default: the open one.',
);
export const saeField = line(
  'Path of a sparse autoencoder trained on the checkpoint: its folder, or a file in it. Default: the open one.',
);
export const promptFields = {
  text: longText('The text to run. Give either text or ids.', MAX_CHARACTERS),
  ids: tokenIds('Token ids instead of text.', MAX_TOKENS),
};

/** Rounded to 4 significant digits; null for what JSON has no number for. */
export const rounded = (value: number): number | null => (Number.isFinite(value) ? Number(value.toPrecision(4)) : null);

/** @throws InputError */
export function readHead(text: string, { name, nLayers, nHeads }: OpenCheckpoint): HeadRef {
  const [, layer, head] = /^L(\d{1,6})H(\d{1,6})$/i.exec(text.trim()) ?? [];
  if (layer === undefined || head === undefined)
    throw new InputError(l10n.t('“{0}” is no head; expected one such as L1H4.', text));
  const ref = { layer: Number(layer), head: Number(head) };
  if (ref.layer < nLayers && ref.head < nHeads) return ref;
  const last = headName({ layer: nLayers - 1, head: nHeads - 1 });
  const heads = nLayers === 0 ? l10n.t('it has no heads') : l10n.t('expected L0H0 to {0}', last);
  throw new InputError(l10n.t('There is no head {0} in {1}: {2}.', headName(ref), name, heads));
}

/** `more` of a result that has the first `shown` of `total`. */
export const moreOf = (what: string, shown: number, total: number, field: string): { more?: string } =>
  shown < total ? { more: `${shown} of ${total} ${what} are given; a larger “${field}” gives more.` } : {};

/** Some positions of a text, from `from`. */
export function window(from: number, rows: number, total: number): { positions: number[]; more?: string } {
  if (from >= total) throw new InputError(l10n.t('“from” is {0}; the text has tokens 0 to {1}.', from, total - 1));
  const end = Math.min(total, from + rows);
  const positions = Array.from({ length: end - from }, (_, i) => from + i);
  if (positions.length === total) return { positions };
  const next = end < total ? `; “from”: ${end} gives the next` : '';
  return { positions, more: `Tokens ${from} to ${end - 1} of ${total} are given${next}.` };
}
