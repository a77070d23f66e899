/** Composition and head scores as CSV and JSON. */
import { headName } from '../protocol/checkpoint';
import { compositionKinds, type Composition, type HeadScore, type HeadScores } from '../protocol/circuits';

const COLUMNS = [
  'previousToken',
  'duplicateToken',
  'induction',
  'firstToken',
  'entropy',
  'ovCopying',
  'qkMatching',
] as const satisfies (keyof HeadScore)[];

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
export function compositionJson({ scores, ...rest }: Composition): object {
  const count = rest.nLayers * rest.nHeads;
  const nested = (values: Float32Array): (number | null)[][] =>
    Array.from({ length: count }, (_, earlier) =>
      Array.from(values.subarray(earlier * count, (earlier + 1) * count), (score) =>
        Number.isNaN(score) ? null : score,
      ),
    );
  return { ...rest, scores: Object.fromEntries(compositionKinds.map((kind) => [kind, nested(scores[kind])])) };
}
