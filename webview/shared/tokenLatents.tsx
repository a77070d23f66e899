/** The strongest latents of the token that is hovered or locked, in one line: a click on one locks it and shows its panel. */
import * as l10n from '@vscode/l10n';
import type { JSX } from 'preact';
import type { TokenLatent, TokenLatents as Shown } from '../../src/protocol/latents/tokenLatents';
import type { SelectionEvent } from '../../src/protocol/selection';
import { formatWeight } from '../../src/protocol/tokens';
import { TokenText } from './tokenText';
import { Sentence } from './sentence';
import './tokenLatents.css';

interface Props {
  /** `null`: no autoencoder. */
  shown: Shown | null;
  /** The latent that is locked. */
  locked: number | undefined;
  dispatch: (event: SelectionEvent) => void;
  /** Shows the latents panel. */
  open: () => void;
}

const HEIGHT = 12;

function Layers({ byLayer }: { byLayer: Float32Array }): JSX.Element {
  const most = Math.max(...byLayer);
  return (
    <span class="token-latent-layers" aria-hidden="true">
      {Array.from(byLayer, (value, i) => (
        <i key={i} style={{ height: `${value > 0 ? Math.max(1, Math.round((value / most) * HEIGHT)) : 0}px` }} />
      ))}
    </span>
  );
}

export function TokenLatents({ shown, locked, dispatch, open }: Props): JSX.Element | null {
  if (!shown) return null;
  const { label, of } = shown;
  const choose = (latent: number): void => {
    if (locked !== latent) dispatch({ kind: 'chooseLatent', latent });
    open();
  };
  const one = ({ latent, name, value, byLayer }: TokenLatent): JSX.Element => (
    <button
      key={latent}
      type="button"
      class={`token-latent ${latent === locked ? 'locked' : ''}`}
      aria-label={l10n.t('#{0} {1}. Show the latent', name ? `${latent} ${name}` : latent, formatWeight(value))}
      data-latent={latent}
      onPointerEnter={() => of && dispatch({ kind: 'hoverLatent', latent, token: of.token })}
      onPointerLeave={() => dispatch({ kind: 'leave' })}
      onClick={() => choose(latent)}
    >
      <span class="token-latent-id">#{latent}</span> {name ? <span class="token-latent-name">{name}</span> : null}{' '}
      <Layers byLayer={byLayer} />
      <span class="number">{formatWeight(value)}</span>
    </button>
  );
  return (
    <div class="token-latents" role="group" aria-label={l10n.t('Latents of the token')} data-latents-of={of?.token}>
      <span class="token-latents-title" title={label}>
        {of ? (
          <Sentence
            text={l10n.t('latents of {0}')}
            parts={[
              <span class="mono">
                <TokenText text={of.text} />
              </span>,
            ]}
          />
        ) : (
          l10n.t('latents')
        )}
      </span>
      {of ? null : <span>{l10n.t('point at a token')}</span>}
      {of?.latents.length === 0 ? <span>{l10n.t('none is active')}</span> : of?.latents.map(one)}
    </div>
  );
}
