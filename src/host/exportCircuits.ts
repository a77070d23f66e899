import * as vscode from 'vscode';
import type { CheckpointInfo } from '../protocol/checkpoint';
import type { CircuitsCode, CircuitsExport } from '../protocol/circuitsPanel';
import type { SavedFile } from '../protocol/reportPanel';
import { transformerLensCode } from '../protocol/transformerLensCode';
import type { Circuits, KnownCircuits } from './circuits';
import { compositionCsv, compositionJson, headsCsv } from './circuitsTables';
import { saveAs, writeWhole } from './saveFile';

/** Saves what the panel shows, whole; asks where. `png` are the bytes that the panel drew. */
export async function exportCircuits(
  { name }: CheckpointInfo,
  { composition, scores }: KnownCircuits,
  format: Exclude<CircuitsExport, CircuitsCode>,
  png?: Uint8Array,
): Promise<void> {
  if (!composition || !scores) return;
  const content: Record<typeof format, () => string | Uint8Array> = {
    png: () => png ?? new Uint8Array(),
    'composition.csv': () => compositionCsv(composition),
    'heads.csv': () => headsCsv(scores),
    json: () => JSON.stringify({ checkpoint: name, composition: compositionJson(composition), ...scores }),
  };
  const ending = format.split('.').at(-1) ?? format;
  const what = format === 'heads.csv' ? 'heads' : format === 'composition.csv' ? 'composition' : 'circuits';
  await saveAs(`${name}-${what}`, { label: ending.toUpperCase(), ending }, (file) =>
    writeWhole(file, content[format]()),
  );
}

/** Python that computes what the panel shows, to the clipboard. */
export async function copyCircuitsCode(
  checkpoint: CheckpointInfo,
  circuits: Circuits,
  what: CircuitsCode,
): Promise<void> {
  const { composition, scores } = circuits.now(checkpoint);
  if (!composition || !scores) return;
  const code =
    what === 'composition.py'
      ? transformerLensCode.composition(checkpoint, { foldNorm: composition.foldNorm })
      : transformerLensCode.headScores(checkpoint, await circuits.sequences(checkpoint, scores));
  await vscode.env.clipboard.writeText(code);
}

/** Saves a table that the panel made; asks where. */
export const saveFile = ({ name, format, content }: SavedFile): Promise<void> =>
  saveAs(name, { label: format.toUpperCase(), ending: format }, (file) => writeWhole(file, content));
