/** The history of a training as rows and columns, and as JSON: what is exported and what the command line prints. */
import type { HeadGrid, MlsaePoint, ToyPoint, TrainingRecord } from './training';
import type { AnyPoint } from './trainingPanel';

/** A number of every point; undefined where it was not measured. */
export interface HistoryColumn {
  name: string;
  value: (point: AnyPoint) => number | undefined;
}

type History = Pick<TrainingRecord, 'kind' | 'params' | 'history'>;

const COMMON: HistoryColumn[] = (['step', 'tokens', 'loss', 'lr', 'tokensPerSecond'] as const).map((name) => ({
  name,
  value: (point) => point[name],
}));

/** Layers that the FVUs of points are of, in their order; undefined: all layers, or no MLSAE. */
export function trainedLayers(params: TrainingRecord['params']): number[] | undefined {
  const { layers } = params;
  return Array.isArray(layers) ? [...new Set(layers)].sort((a, b) => a - b) : undefined;
}

/** `fvu L0`, `induction L1H4`, … as many as the points have. */
export function historyColumns({ kind, params, history }: History): HistoryColumn[] {
  return [...COMMON, ...(kind === 'mlsae' ? mlsaeColumns(params, history) : toyColumns(history))];
}

function mlsaeColumns(params: TrainingRecord['params'], history: readonly AnyPoint[]): HistoryColumn[] {
  const column = (name: string, get: (point: MlsaePoint) => number | undefined): HistoryColumn => ({
    name,
    value: (point) => get(point as MlsaePoint),
  });
  const layers = trainedLayers(params);
  const count = Math.max(0, ...(history as readonly MlsaePoint[]).map(({ fvu }) => fvu.length));
  return [
    ...Array.from({ length: count }, (_, i) => column(`fvu L${layers?.[i] ?? i}`, ({ fvu }) => fvu[i])),
    column('l0', ({ l0 }) => l0),
    column('deadFraction', ({ deadFraction }) => deadFraction),
    column('auxLoss', ({ auxLoss }) => auxLoss),
  ];
}

function toyColumns(history: readonly AnyPoint[]): HistoryColumn[] {
  const points = history as readonly ToyPoint[];
  const column = (name: string, get: (point: ToyPoint) => number | undefined): HistoryColumn => ({
    name,
    value: (point) => get(point as ToyPoint),
  });
  const grid = (name: string, get: (point: ToyPoint) => HeadGrid | undefined): HistoryColumn[] => {
    const measured = points.map(get).find((heads) => heads !== undefined) ?? [];
    return measured.flatMap((heads, layer) =>
      heads.map((_, head) => column(`${name} L${layer}H${head}`, (point) => get(point)?.[layer]?.[head])),
    );
  };
  const stretches = points.find(({ lossByPosition }) => lossByPosition)?.lossByPosition ?? [];
  return [
    ...stretches.map((_, i) => column(`loss ${i + 1}/${stretches.length}`, ({ lossByPosition: by }) => by?.[i])),
    column('inContext', ({ inContext }) => inContext),
    ...grid('previousToken', ({ previousToken }) => previousToken),
    ...grid('induction', ({ induction }) => induction),
    ...grid('kComposition', ({ kComposition }) => kComposition && [[], kComposition]),
  ];
}

/** A row for each point; cells of what was not measured are empty. */
export function historyCsv(of: History): string {
  const columns = historyColumns(of);
  const rows = of.history.map((point) => columns.map(({ value }) => value(point) ?? '').join(','));
  return [columns.map(({ name }) => name).join(','), ...rows].join('\n') + '\n';
}

/** What a training is, and all its points as they are kept. `layers`: of their FVUs, where they are not all. */
export function historyJson(of: Omit<TrainingRecord, 'last' | 'dir' | 'seconds'>): object {
  const { kind, step, totalSteps, tokens, complete, params, history } = of;
  const layers = trainedLayers(params);
  return { kind, step, totalSteps, tokens, complete, params, ...(layers && { layers }), history };
}

/** Those of `all` that fit `most` rows, the first and the last among them. */
export const spread = <T>(all: readonly T[], most: number): T[] =>
  all.length <= most
    ? [...all]
    : Array.from({ length: most }, (_, i) => all[Math.round((i * (all.length - 1)) / (most - 1))]!);
