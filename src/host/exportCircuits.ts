import type { CheckpointInfo } from '../protocol/checkpoint';
import { headName } from '../protocol/checkpoint';
import { compositionKinds, type Composition, type HeadScore, type HeadScores } from '../protocol/circuits';
import type { CircuitsExport } from '../protocol/circuitsPanel';
import type { KnownCircuits } from './circuits';
import { saveAs, writeWhole } from './saveFile';

const COLUMNS = [
  'previousToken',
  'duplicateToken',
  'induction',
  'firstToken',
  'entropy',
  'ovCopying',
  'qkMatching',
] as const satisfies (keyof HeadScore)[];

/** Saves what the panel shows, whole; asks where. `png` are the bytes that the panel drew. */
export async function exportCircuits(
  { name }: CheckpointInfo,
  { composition, scores }: KnownCircuits,
  format: CircuitsExport,
  png?: Uint8Array,
): Promise<void> {
  if (!composition || !scores) return;
  const content: Record<CircuitsExport, () => string | Uint8Array> = {
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

/** One row a pair and kind. */
export function compositionCsv({ nLayers, nHeads, scores, baseline }: Composition): string {
  const count = nLayers * nHeads;
  const nameOf = (index: number): string => headName({ layer: Math.floor(index / nHeads), head: index % nHeads });
  const rows = compositionKinds.flatMap((kind) =>
    Array.from(scores[kind], (score, at) => {
      if (Number.isNaN(score)) return [];
      const pair = [nameOf(Math.floor(at / count)), nameOf(at % count), kind];
      return [[...pair, score, baseline[kind], score - baseline[kind]].join(',')];
    }).flat(),
  );
  return ['earlier,later,kind,score,baseline,difference', ...rows].join('\n') + '\n';
}

/** One row a head. */
export function headsCsv({ heads }: HeadScores): string {
  const rows = heads.map((score) => [score.layer, score.head, ...COLUMNS.map((name) => score[name])].join(','));
  return [['layer', 'head', ...COLUMNS].join(','), ...rows].join('\n') + '\n';
}

/** `[earlier head][later head]`, heads counted as layer * nHeads + head; `null` where there is no pair. */
function compositionJson({ scores, ...rest }: Composition): object {
  const count = rest.nLayers * rest.nHeads;
  const nested = (values: Float32Array): (number | null)[][] =>
    Array.from({ length: count }, (_, earlier) =>
      Array.from(values.subarray(earlier * count, (earlier + 1) * count), (score) =>
        Number.isNaN(score) ? null : score,
      ),
    );
  return { ...rest, scores: Object.fromEntries(compositionKinds.map((kind) => [kind, nested(scores[kind])])) };
}
