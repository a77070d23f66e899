/** What a sweep left in its folder. */
import * as l10n from '@vscode/l10n';
import type { LatentExample } from '../../../protocol/latents/corpus';
import { InputError } from '../../checkpoint/errors';
import type { LatentAnalysis } from '../../latentHandlers';
import { tokenTextOf } from '../../prompt';
import { checkLatent } from '../rerun';
import type { OpenSae } from '../types';
import { PER_EXAMPLE, WINDOW } from './examples';
import type { ExampleArrays } from './examples';
import { autoencoderOf, difference } from './identity';
import { readExamples, readTotals } from './state';
import { readFiles, readRecord, StoredArrays } from './store';
import type { SweepRecord } from './store';
import { summaryOf } from './summary';

/** The totals of a sweep, whole or not. */
export const openSweep: LatentAnalysis<'openSweep'> = async (open, { dir, deadBelow }) => {
  const record = await recordOf(open, dir);
  const totals = await readTotals(await StoredArrays.open(dir, record), record);
  const { complete, notices } = record;
  return summaryOf({ head: record, totals, complete, notices }, dir, deadBelow);
};

/** Where a latent is most active, in all layers together. */
export const latentExamples: LatentAnalysis<'latentExamples'> = async (open, { dir, latent }) => {
  checkLatent(open.sae, latent);
  const record = await recordOf(open, dir);
  const arrays = await StoredArrays.open(dir, record);
  const files = await readFiles(dir);
  const textOf = tokenTextOf(open.model.checkpoint);
  const { layers, nLatents } = record;
  const found: { place: number; example: LatentExample }[] = [];
  for (const [l, layer] of layers.entries()) {
    const pair = l * nLatents + latent;
    const here = await readExamples(arrays, record, pair, pair + 1);
    for (let slot = 0; slot < record.identity.examples; slot++)
      if (here.value[slot]! > 0) found.push(exampleAt(here, slot, layer, files, textOf));
  }
  found.sort((a, b) => b.example.value - a.example.value || a.example.layer - b.example.layer || a.place - b.place);
  return { latent, examples: found.map(({ example }) => example) };
};

/** @throws InputError when there is no sweep of this autoencoder */
async function recordOf({ sae }: OpenSae, dir: string): Promise<SweepRecord> {
  const record = await readRecord(dir);
  if (!record) throw new InputError(l10n.t('{0} has no sweep: a folder with sweep.json was expected.', dir));
  const other = difference(record.identity, await autoencoderOf(sae));
  if (other) throw new InputError(l10n.t('{0} has a sweep of {1}.', dir, other));
  return record;
}

function exampleAt(
  arrays: ExampleArrays,
  slot: number,
  layer: number,
  files: string[],
  textOf: (id: number) => string,
): { place: number; example: LatentExample } {
  const [value, place, file, row, at] = PER_EXAMPLE.map((name) => arrays[name][slot]!) as [
    ...[number, number, number, number, number],
  ];
  const ids = arrays.ids.subarray(slot * WINDOW, (slot + 1) * WINDOW);
  const length = ids.includes(-1) ? ids.indexOf(-1) : WINDOW;
  const name = files[file] ?? `file ${file}`;
  const example = {
    layer,
    value,
    source: row > 0 ? `${name}:${row}` : name,
    tokens: Array.from(ids.subarray(0, length), textOf),
    values: arrays.activations.slice(slot * WINDOW, slot * WINDOW + length),
    at,
  };
  return { place, example };
}
