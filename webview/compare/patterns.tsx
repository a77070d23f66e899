/** How far the patterns of every head are from each other on the prompt; the chosen one large. */
import * as l10n from '@vscode/l10n';
import { computed, signal } from '@preact/signals';
import type { JSX } from 'preact';
import type { Weighting } from '../../src/protocol/analysis';
import { headName, type HeadRef } from '../../src/protocol/checkpoint';
import type { ComparedPatterns } from '../../src/protocol/compare';
import { focusToken } from '../../src/protocol/selection';
import { visibleText } from '../../src/protocol/tokens';
import { type Choice, Segmented } from '../shared/controls';
import { fixed } from '../shared/numbers';
import type { Column } from '../shared/table';
import { TokenStrip } from '../shared/tokenStrip';
import { HeadMap } from './headMap';
import { Legend } from './legend';
import { largest, niceEnd } from './scale';
import { dispatch, pattern, results, selection, sideNames, tokens } from './store';
import { Triple } from './triple';
import { Concept } from '../shared/concept';

type Of = 'mean' | 'largest';
const of = signal<Of>('mean');
const OF: Choice<Of>[] = [
  {
    value: 'mean',
    label: l10n.t('mean row'),
    title: l10n.t('Mean distance of the rows: ½ Σ |B − A| over the sources of a destination; 0 the same, 1 disjoint'),
  },
  { value: 'largest', label: l10n.t('largest row'), title: l10n.t('Distance of the row that differs most') },
];
const WEIGHTINGS: Choice<Weighting>[] = [
  { value: 'pattern', label: l10n.t('weights'), title: l10n.t('Attention pattern') },
  {
    value: 'value-weighted',
    label: l10n.t('value-weighted'),
    title: l10n.t('Pattern times the size of what each source writes'),
  },
];

const weighting = computed(() => selection.value.weighting);
const chosen = computed(() => headName(selection.value.head));

/** What the focused token attends to more (or less) in B. */
function weights(): ArrayLike<number> | undefined {
  const about = focusToken(selection.value);
  const shown = pattern.value?.pattern;
  if (!about || !shown || about.token >= shown.n) return undefined;
  const { n, delta } = shown;
  if (about.side === 'destination') return delta.subarray(about.token * n, (about.token + 1) * n);
  return Float32Array.from({ length: n }, (_, destination) => delta[destination * n + about.token]!);
}

export interface HeadDistance extends HeadRef {
  distance: number;
  maxDistance: number;
  maxRow: number;
}

export const distances = ({ nHeads, distance, maxDistance, maxRow }: ComparedPatterns): HeadDistance[] =>
  Array.from(distance, (mean, i) => ({
    layer: Math.floor(i / nHeads),
    head: i % nHeads,
    distance: mean,
    maxDistance: maxDistance[i]!,
    maxRow: maxRow[i]!,
  }));

/** Of the table that is exported. */
export const distanceColumns: Column<HeadDistance>[] = [
  { name: 'head', value: headName },
  { name: 'distance', value: (row) => row.distance },
  { name: 'maxDistance', value: (row) => row.maxDistance },
  { name: 'maxRow', value: (row) => row.maxRow },
];

const number = (value: number): string => fixed(value);

function Grid({ shown }: { shown: ComparedPatterns }): JSX.Element {
  const { nLayers, nHeads, distance, maxDistance, maxRow } = shown;
  const values = of.value === 'mean' ? distance : maxDistance;
  const end = niceEnd(largest(values));
  const index = ({ layer, head }: HeadRef): number => layer * nHeads + head;
  const rowOf = (head: HeadRef): string => visibleText(shown.tokens[maxRow[index(head)]!]?.text ?? '');
  return (
    <>
      <div class="bar-line">
        <b class="strong">{l10n.t('Distance of patterns')}</b>
        <Segmented label={l10n.t('Distance')} choices={OF} value={of.value} onChange={(next) => (of.value = next)} />
        <Segmented
          label={l10n.t('Weights')}
          choices={WEIGHTINGS}
          value={weighting.value}
          onChange={(next) => dispatch({ kind: 'weighting', weighting: next })}
        />
        <span class="push">
          <Legend
            label={l10n.t('distance')}
            end={end}
            title={l10n.t('Total variation distance: 0 the same, 1 nothing in common')}
          />
        </span>
      </div>
      <div class="map-block">
        <HeadMap
          name="distance"
          label={l10n.t('Distance of patterns')}
          nLayers={nLayers}
          nHeads={nHeads}
          values={values}
          end={end}
          text={number}
          tip={(head) => (
            <>
              <div class="tip-row">
                <span>{l10n.t('{0} mean of the rows', headName(head))}</span>
                <b>{fixed(distance[index(head)]!, 3)}</b>
              </div>
              <div class="tip-row">
                <span>{l10n.t('largest, at “{0}”', rowOf(head))}</span>
                <b>{fixed(maxDistance[index(head)]!, 3)}</b>
              </div>
            </>
          )}
          speak={(head) =>
            l10n.t(
              'distance {0}, largest {1} at {2}',
              fixed(distance[index(head)]!),
              fixed(maxDistance[index(head)]!),
              rowOf(head),
            )
          }
        />
      </div>
    </>
  );
}

function Large(): JSX.Element {
  const now = pattern.value?.pattern;
  if (!now) return <p class="block none">{l10n.t('Patterns of {0}…', chosen.value)}</p>;
  const end = niceEnd(largest(now.delta), 0.05);
  const late = headName(now.head) !== chosen.value;
  return (
    <section class={`block large ${late ? 'late' : ''}`} data-head={headName(now.head)} aria-busy={late}>
      <div class="large-head">
        <h2>
          {headName(now.head)} <Concept id="difference-of-two-checkpoints" />
        </h2>
        <Legend label={l10n.t('weight')} end={1} title={l10n.t('Attention weight in A and in B')} />
        <Legend
          label="B − A"
          end={end}
          signed
          title={l10n.t('Weight in B minus weight in A; the scale ends at the largest difference of this head')}
        />
      </div>
      <Triple shown={now} end={end} />
    </section>
  );
}

export function Patterns(): JSX.Element {
  const shown = results.value.patterns!;
  const names = sideNames.value;
  return (
    <>
      <TokenStrip
        tokens={tokens.value.slice(0, shown.tokens.length)}
        selection={selection}
        weights={weights}
        dispatch={dispatch}
      />
      <Grid shown={shown} />
      <Large />
      <p class="sr-only">
        {names.a}, {names.b}
      </p>
    </>
  );
}
