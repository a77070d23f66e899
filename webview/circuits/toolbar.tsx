/** What is drawn: kinds, threshold, the score that fills the nodes. */
import * as l10n from '@vscode/l10n';
import type { JSX } from 'preact';
import { type CompositionKind, compositionKinds } from '../../src/protocol/circuits';
import type { CircuitsExport } from '../../src/protocol/circuitsPanel';
import { Icon, IconMenu } from '../shared/controls';
import { histogram, signed } from './excess';
import { exportPng } from './exportPng';
import { type Fill, fills } from './fill';
import { KindSample } from './kindSample';
import { command, fill, kinds, pairs, sendExport, threshold, view } from './store';
import { Concept } from '../shared/concept';

const FORMATS: { value: CircuitsExport | 'result'; label: string }[] = [
  { value: 'png', label: l10n.t('Picture (PNG)') },
  { value: 'composition.csv', label: l10n.t('Composition (CSV)') },
  { value: 'heads.csv', label: l10n.t('Head scores (CSV)') },
  { value: 'json', label: l10n.t('Both (JSON)') },
  { value: 'composition.py', label: l10n.t('Copy Composition as TransformerLens Code') },
  { value: 'heads.py', label: l10n.t('Copy Head Scores as TransformerLens Code') },
  { value: 'result', label: l10n.t('Save Result…') },
];
const BINS = 24;
const BAR = 16;
const STEP = 0.0005;

function toggle(kind: CompositionKind): void {
  const on = kinds.value.includes(kind);
  kinds.value = compositionKinds.filter((other) => (other === kind ? !on : kinds.value.includes(other)));
}

const Kinds = (): JSX.Element => (
  <div class="segmented kinds" role="group" aria-label={l10n.t('Kinds of composition')}>
    {compositionKinds.map((kind) => (
      <button
        key={kind}
        type="button"
        aria-pressed={kinds.value.includes(kind)}
        title={l10n.t('{0}-composition: show or hide its edges', kind)}
        onClick={() => toggle(kind)}
      >
        <KindSample kind={kind} />
        {kind}
      </button>
    ))}
  </div>
);

/** A slider over the histogram of what it cuts. */
function Threshold(): JSX.Element | null {
  const [high, low] = [pairs.value[0]?.excess, pairs.value.at(-1)?.excess];
  if (high === undefined || low === undefined) return null;
  const bins = histogram(pairs.value, kinds.value, BINS);
  const most = Math.max(1, ...bins.map(({ count }) => count));
  const width = (high - low) / BINS;
  const at = threshold.value;
  return (
    <label class="threshold">
      <span class="tool-name">{l10n.t('threshold')}</span>
      <span class="histogram">
        {bins.map(({ from, count }, i) => (
          <i
            key={i}
            class={from + width / 2 >= at ? 'above' : ''}
            // the square root, so that the few strong pairs can be seen
            style={{ height: count ? `${Math.max(1, Math.sqrt(count / most) * BAR)}px` : '0' }}
          />
        ))}
        <i class="threshold-mark" style={{ left: `${((at - low) / (high - low || 1)) * 100}%` }} />
        <input
          type="range"
          aria-label={l10n.t('Threshold of score minus baseline')}
          aria-valuetext={signed(at, 3)}
          min={low}
          max={high}
          step={STEP}
          value={at}
          onInput={(event) => (threshold.value = Number(event.currentTarget.value))}
        />
      </span>
      <span class="number threshold-value">{signed(at, 2)}</span>
    </label>
  );
}

const FillMenu = (): JSX.Element => (
  <label class="fill">
    <span class="tool-name">{l10n.t('fill')}</span>
    <span class="select">
      <select
        aria-label={l10n.t('Score that fills the heads')}
        value={fill.value}
        onChange={(event) => (fill.value = event.currentTarget.value as Fill)}
      >
        {(Object.keys(fills) as Fill[]).map((name) => (
          <option key={name} value={name}>
            {fills[name].label}
          </option>
        ))}
      </select>
      <Icon name="chevron-down" />
    </span>
  </label>
);

export function Toolbar(): JSX.Element | null {
  const shown = view.value;
  if (!shown) return null;
  const pick = (format: CircuitsExport | 'result'): void => {
    if (format === 'png') void exportPng();
    else if (format === 'result') command('saveResult');
    else sendExport(format);
  };
  return (
    <header class="toolbar">
      <div class="title">
        <h1 title={shown.checkpoint.path}>{shown.checkpoint.name}</h1>
        <Concept id="composition" />
        <span class="what">{l10n.t('score − baseline')}</span>
      </div>
      <Kinds />
      <Threshold />
      <FillMenu />
      <IconMenu label={l10n.t('Export')} icon="export" items={FORMATS} onPick={pick} />
    </header>
  );
}
