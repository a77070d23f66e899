/** The panel: toolbar, graph, matrices, the pair's or the head's card, induction circuits. */
import * as l10n from '@vscode/l10n';
import type { JSX } from 'preact';
import { Button } from '../shared/controls';
import { FullState, StatusLines } from '../shared/status';
import { Cards } from './cards';
import { Graph } from './graph';
import { HeadCard } from './headCard';
import { InductionList } from './induction';
import { Matrices } from './matrices';
import { PairTip } from './pairTip';
import { LiveRegion } from './speech';
import { command, status, view } from './store';
import { Toolbar } from './toolbar';

const Begin = (): JSX.Element => (
  <>
    <Button onClick={() => command('openCheckpoint')}>{l10n.t('Open Checkpoint')}</Button>
    <Button secondary onClick={() => command('openSample')}>
      {l10n.t('Open Sample')}
    </Button>
  </>
);

/** Both analyses say much the same about norms and rotary positions. */
const notices = (): string[] => {
  const shown = view.value;
  return shown ? [...new Set([...shown.composition.notices, ...shown.scores.notices])] : [];
};

export function App(): JSX.Element | null {
  const now = status.value;
  if (!now) return null;
  if (!view.value || now.kind === 'empty') return <FullState now={now} command={command} begin={<Begin />} />;
  return (
    <main class="panel circuits" data-state={now.kind}>
      <div class="screen">
        <Toolbar />
        <StatusLines now={now} stale={false} notices={notices()} command={command} />
        {view.value.composition.nLayers === 0 ? (
          <p class="none no-heads">
            {l10n.t('This model has no attention layers, so it has no heads that could compose.')}
          </p>
        ) : (
          <>
            <Graph />
            <Matrices />
            <Cards />
            <InductionList />
            <HeadCard />
          </>
        )}
      </div>
      <PairTip />
      <LiveRegion />
    </main>
  );
}
