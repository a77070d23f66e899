/** The panel: toolbar, strip, list of latents, picture, card of the latent that is locked. */
import * as l10n from '@vscode/l10n';
import type { JSX } from 'preact';
import type { LatentsCommand } from '../../src/protocol/latentsPanel';
import { Button } from '../shared/controls';
import { FullState, StatusLines } from '../shared/status';
import { TokenStrip } from '../shared/tokenStrip';
import { LatentCard } from './card/latentCard';
import { LatentList } from './list';
import { PictureHead } from './pictureHead';
import { LiveRegion } from './speech';
import { pictureNow } from './state';
import { LayerPicture } from './layerPicture';
import { chosen, command, dispatch, selection, shownTokens, status, tokens, view } from './store';
import { TokenMap } from './tokenMap';
import { Toolbar } from './toolbar';

const LABELS: Partial<Record<LatentsCommand, string>> = {
  openCheckpoint: l10n.t('Open Checkpoint'),
  openSample: l10n.t('Open Sample'),
  openSae: l10n.t('Open SAE…'),
  analyzeSelection: l10n.t('Analyze Selection'),
};

const Begin = ({ commands }: { commands: readonly LatentsCommand[] }): JSX.Element => (
  <>
    {commands.map((name, i) => (
      <Button key={name} secondary={i > 0} onClick={() => command(name)}>
        {LABELS[name] ?? name}
      </Button>
    ))}
  </>
);

/** Of each token the activation of the latent in question, as a part of its largest in the text. */
function weights(): ArrayLike<number> | undefined {
  const values = shownTokens.value;
  if (!values) return undefined;
  const largest = values.reduce((most, value) => Math.max(most, value), 0);
  return largest > 0 ? values.map((value) => value / largest) : undefined;
}

const notices = (): string[] => {
  const shown = view.value;
  return shown ? [...new Set([...shown.sae.notices, ...shown.encoding.notices, ...shown.analysis.notices])] : [];
};

export function App(): JSX.Element | null {
  const now = status.value;
  if (!now) return null;
  if (!view.value || now.kind === 'empty') {
    const begin = now.kind === 'empty' ? <Begin commands={now.commands} /> : undefined;
    return <FullState now={now} command={command} begin={begin} />;
  }
  return (
    <main class="panel latents" data-state={now.kind}>
      <div class="screen">
        <Toolbar />
        <StatusLines now={now} stale={view.value.stale} notices={notices()} command={command} />
        <TokenStrip tokens={tokens.value} selection={selection} weights={weights} dispatch={dispatch} />
        <div class="body">
          <LatentList />
          <div class="stage">
            <section class="picture" aria-label={l10n.t('Picture')}>
              <PictureHead />
              {pictureNow.value === 'latent' ? <TokenMap /> : <LayerPicture of={pictureNow.value} />}
            </section>
            {chosen.value === undefined ? (
              <p class="none choose">{l10n.t('Choose a latent: its card opens here.')}</p>
            ) : (
              <LatentCard />
            )}
          </div>
        </div>
      </div>
      <LiveRegion />
    </main>
  );
}
