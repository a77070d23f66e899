/** Which pairs of heads compose more, or less, in B. */
import * as l10n from '@vscode/l10n';
import { computed, signal } from '@preact/signals';
import type { JSX } from 'preact';
import { headName } from '../../src/protocol/checkpoint';
import { type CompositionKind, compositionKinds } from '../../src/protocol/circuits';
import type { ComparedComposition, CompositionChange } from '../../src/protocol/compare';
import { samePair } from '../../src/protocol/selection';
import { type Choice, Segmented } from '../shared/controls';
import { fixed, signed } from '../shared/numbers';
import { type Column, Table } from '../shared/table';
import { command, dispatch, results, selection } from './store';

/** Rows of the table. */
const ROWS = 100;

type Kinds = 'all' | CompositionKind;
const kinds = signal<Kinds>('all');
const CHOICES: Choice<Kinds>[] = [
  { value: 'all', label: l10n.t('all'), title: l10n.t('Q-, K- and V-composition') },
  ...compositionKinds.map((kind): Choice<Kinds> => ({
    value: kind,
    label: kind,
    title: l10n.t('{0}-composition', kind),
  })),
];

/** Largest changes first. */
export function changesOf(shown: ComparedComposition, which: Kinds): CompositionChange[] {
  const { nLayers, nHeads } = shown;
  const n = nLayers * nHeads;
  const ref = (index: number): { layer: number; head: number } => ({
    layer: Math.floor(index / nHeads),
    head: index % nHeads,
  });
  return compositionKinds
    .filter((kind) => which === 'all' || kind === which)
    .flatMap((kind) => Array.from(shown.delta[kind], (delta, at) => ({ kind, at, delta })))
    .filter(({ delta }) => !Number.isNaN(delta))
    .sort((x, y) => Math.abs(y.delta) - Math.abs(x.delta))
    .slice(0, ROWS)
    .map(({ kind, at, delta }) => ({
      ...{ kind, delta, a: shown.a[kind][at]!, b: shown.b[kind][at]! },
      ...{ earlier: ref(Math.floor(at / n)), later: ref(at % n) },
    }));
}

export const changes = computed(() => {
  const shown = results.value.composition;
  return shown ? changesOf(shown, kinds.value) : [];
});

export const changeColumns = (baseline: Record<CompositionKind, number>): Column<CompositionChange>[] => [
  {
    name: 'kind',
    heading: l10n.t('kind'),
    value: ({ kind }) => kind,
    title: l10n.t('Through queries, keys or values of the later head'),
  },
  {
    name: 'earlier',
    heading: l10n.t('earlier'),
    value: ({ earlier }) => headName(earlier),
    title: l10n.t('Head that writes'),
  },
  {
    name: 'later',
    heading: l10n.t('later'),
    value: ({ later }) => headName(later),
    title: l10n.t('Head that reads it'),
  },
  {
    name: 'A',
    value: ({ a }) => a,
    cell: ({ a }) => fixed(a, 3),
    title: l10n.t('Composition score in A: ‖W_OV¹ W²‖ / (‖W_OV¹‖ ‖W²‖), Frobenius norms, 0–1'),
  },
  { name: 'B', value: ({ b }) => b, cell: ({ b }) => fixed(b, 3), title: l10n.t('Composition score in B, 0–1') },
  {
    name: 'B − A',
    value: ({ delta }) => delta,
    cell: ({ delta }) => signed(delta, 3),
    title: l10n.t('Change of the score from A to B'),
  },
  {
    name: 'random',
    heading: l10n.t('random'),
    value: ({ kind }) => baseline[kind],
    cell: ({ kind }) => fixed(baseline[kind], 3),
    title: l10n.t('Mean score of random matrices of the same shapes'),
  },
];

export function Composition(): JSX.Element {
  const shown = results.value.composition!;
  const { pair } = selection.value;
  return (
    <>
      <div class="bar-line">
        <Segmented
          label={l10n.t('Kinds of composition')}
          choices={CHOICES}
          value={kinds.value}
          onChange={(next) => (kinds.value = next)}
        />
        <span class="about">
          {l10n.t('largest changes first; a click shows the pair in the circuits of the open checkpoint')}
        </span>
        <button type="button" class="link push" onClick={() => command('showCircuits')}>
          {l10n.t('Show Circuits')}
        </button>
      </div>
      <Table
        key={kinds.value}
        label={l10n.t('Changes of composition')}
        columns={changeColumns(shown.baseline)}
        rows={changes.value}
        onChoose={({ kind, earlier, later }) => dispatch({ kind: 'lockPair', pair: { kind, earlier, later } })}
        chosen={({ kind, earlier, later }) => pair !== undefined && samePair(pair, { kind, earlier, later })}
      />
    </>
  );
}
