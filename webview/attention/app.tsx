/** The panel: toolbar, strip, surprisal, heads, heatmap. */
import * as l10n from '@vscode/l10n';
import type { JSX } from 'preact';
import { FullState } from '../shared/status';
import { StepSlider } from '../shared/stepSlider';
import { TokenLatents } from '../shared/tokenLatents';
import { aside, compact } from './breakpoints';
import { HeadGrid } from './headGrid';
import { Heatmap } from './heatmap';
import { Legend } from './legend';
import { Card, Foot, NextLine } from './readout';
import { LiveRegion } from './speech';
import { Lines } from './status';
import { command, dispatch, goToStep, selection, status, steps, tokenLatents, view } from './store';
import { Strip } from './strip';
import { Surprisal } from './surprisal';
import { Toolbar } from './toolbar';

const Heads = (): JSX.Element => (
  <div class="body">
    <div class="column">
      <HeadGrid aside={aside.value} compact={compact.value} />
      {aside.value ? <Foot /> : null}
    </div>
    <div class="stage">
      <Heatmap>
        <Card />
        <Legend />
        <NextLine />
      </Heatmap>
    </div>
  </div>
);

/** A model of zero layers is its embedding and unembedding: only the next token can be read. */
const NoHeads = (): JSX.Element => (
  <div class="no-heads">
    <p>{l10n.t('This model has no attention layers: each token predicts the next one by itself.')}</p>
    {aside.value ? <Foot /> : null}
  </div>
);

const Latents = (): JSX.Element => (
  <TokenLatents
    shown={tokenLatents.value}
    locked={selection.value.latent}
    dispatch={dispatch}
    open={() => command('showLatents')}
  />
);

export function App(): JSX.Element | null {
  const now = status.value;
  if (!now) return null;
  if (!view.value || now.kind === 'empty') return <FullState now={now} command={command} />;
  return (
    <main class={`panel ${aside.value ? 'aside' : ''} ${compact.value ? 'compact' : ''}`} data-state={now.kind}>
      <div class="screen">
        <Toolbar />
        {steps.value ? <StepSlider view={steps.value} go={goToStep} /> : null}
        <Lines />
        <Strip />
        <Surprisal />
        <Latents />
        {view.value.analysis.nLayers === 0 ? <NoHeads /> : <Heads />}
      </div>
      {aside.value ? null : <Foot />}
      <LiveRegion />
    </main>
  );
}
