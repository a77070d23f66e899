/** The panel: how trainings go, live. */
import * as l10n from '@vscode/l10n';
import { useComputed } from '@preact/signals';
import type { JSX } from 'preact';
import { useMemo } from 'preact/hooks';
import { Bars } from '../shared/bars';
import type { BarSpec } from '../shared/barChart';
import { Button, IconMenu } from '../shared/controls';
import { fixed } from '../shared/numbers';
import { FullState, StatusLines } from '../shared/status';
import type { MlsaePoint } from '../../src/protocol/training';
import type { HistoryFormat, TrainingCommand, TrainingInfo } from '../../src/protocol/trainingPanel';
import { Attention } from './attention';
import { Lines } from './lines';
import { List } from './list';
import { Parts } from './parts';
import { layerName, mlsaeCharts, type Run, toyCharts } from './series';
import { Spoken } from './speech';
import { command, compared, exportHistory, focus, points, trainings } from './store';
import { Concept } from '../shared/concept';

const BEGIN: { value: TrainingCommand; label: string }[] = [
  { value: 'trainMlsae', label: l10n.t('Train MLSAE…') },
  { value: 'trainToy', label: l10n.t('Train Toy Transformer…') },
  { value: 'openTraining', label: l10n.t('Open Training…') },
];
const EMPTY = l10n.t(
  'Train a multi-layer sparse autoencoder on the open checkpoint, or a toy transformer on your own code: how it goes appears here while it trains. Earlier trainings can be opened to compare.',
);

const EXPORTS: { value: HistoryFormat; label: string }[] = [
  { value: 'csv', label: l10n.t('Export History as CSV…') },
  { value: 'json', label: l10n.t('Export History as JSON…') },
];

const Begin = (): JSX.Element => (
  <>
    {BEGIN.map(({ value, label }, i) => (
      <Button key={value} secondary={i > 0} onClick={() => command(value)}>
        {label}
      </Button>
    ))}
  </>
);

const hasCurves = ({ dir }: TrainingInfo): boolean => (points.value[dir] ?? []).length > 0;

function Toolbar({ now }: { now: TrainingInfo }): JSX.Element {
  return (
    <header class="toolbar">
      <div class="title">
        <h1>{l10n.t('Training')}</h1>
        <Concept id={now.kind === 'mlsae' ? 'mlsae-training' : 'toy-training'} />
        <span class="what">{now.kind === 'mlsae' ? l10n.t('multi-layer SAE') : l10n.t('toy transformer')}</span>
      </div>
      {hasCurves(now) ? (
        <IconMenu
          label={l10n.t('Export the history of {0}', now.name)}
          icon="export"
          items={EXPORTS}
          onPick={(format) => exportHistory(now.dir, format)}
        />
      ) : null}
      <IconMenu label={l10n.t('Train or open another')} icon="add" items={BEGIN} onPick={command} />
    </header>
  );
}

const BAR_COLOURS = ['bar', 'kind-q', 'kind-k', 'kind-v'] as const;

/** Where several are compared: their layers side by side. */
function LayersNow({ runs }: { runs: readonly Run[] }): JSX.Element | null {
  const shown = runs.slice(0, BAR_COLOURS.length).filter((run) => run.points.length > 0);
  const last = ({ points: all }: Run): readonly number[] => (all.at(-1) as MlsaePoint).fvu;
  const n = Math.max(0, ...shown.map((run) => last(run).length));
  if (shown.length < 2 || n === 0) return null;
  const spec: BarSpec = {
    labels: Array.from({ length: n }, (_, i) => layerName(shown[0]!.info, i)),
    series: shown.map((run, i) => ({
      name: run.info.name,
      values: Array.from({ length: n }, (_, layer) => last(run)[layer] ?? NaN),
      colour: BAR_COLOURS[i]!,
    })),
    text: (value) => fixed(value),
  };
  const words = spec.series.map(({ name, values }) => `${name} ${Array.from(values, (v) => fixed(v)).join(', ')}`);
  return (
    <section class="training-chart" data-chart="fvuNow">
      <h2 title={l10n.t('At the last point of each')}>
        {l10n.t('FVU by layer, last')} <Concept id="fvu" /> <small>{l10n.t('bars in this order')}</small>
      </h2>
      <p class="reading number" aria-hidden="true">
        <Parts of={shown.map(({ info }) => info.name)} between=", " />
      </p>
      <Bars name="fvuNow" spec={spec} label={l10n.t('FVU by layer, last: {0}', words.join('; '))} />
    </section>
  );
}

function Charts(): JSX.Element {
  const runs = useComputed(() => compared.value.map((info): Run => ({ info, points: points.value[info.dir] ?? [] })));
  const all = runs.value;
  const kind = all[0]!.info.kind;
  // names and points make the charts, steps a second do not
  const key = all.map(({ info, points: own }) => [info.dir, own] as const).flat();
  const specs = useMemo(() => (kind === 'mlsae' ? mlsaeCharts(all) : toyCharts(all)), key);
  return (
    <div class="training-charts">
      {specs.map((spec) => (
        <Lines key={`${kind} ${spec.name}`} spec={spec} />
      ))}
      {kind === 'mlsae' ? <LayersNow runs={all} /> : null}
    </div>
  );
}

export function App(): JSX.Element | null {
  const all = trainings.value;
  const now = focus.value;
  if (!all) return null;
  if (!now) return <FullState now={{ kind: 'empty', message: EMPTY }} command={command} begin={<Begin />} />;
  const failed = now.state === 'failed' && now.message !== undefined;
  return (
    <main class="panel report training" data-state={now.state} data-kind={now.kind}>
      <div class="screen">
        <Toolbar now={now} />
        <StatusLines
          now={failed ? { kind: 'error', message: now.message! } : undefined}
          stale={false}
          notices={now.notices}
          command={command}
        />
        <List all={all} />
        {hasCurves(now) ? (
          <Charts />
        ) : (
          <p class="block none">
            {now.state === 'starting' || now.state === 'running'
              ? l10n.t('{0}… The charts begin with the first report.', now.message ?? l10n.t('The first steps'))
              : l10n.t('Its folder has no curves yet: resume it.')}
          </p>
        )}
        {now.kind === 'toy' ? <Attention dir={now.dir} /> : null}
        <Spoken />
      </div>
    </main>
  );
}
