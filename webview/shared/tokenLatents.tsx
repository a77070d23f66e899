/** The strongest latents of the token that is hovered or locked, in one line: a click on one locks it and shows its panel. */
import type { JSX } from 'preact';
import type { TokenLatent, TokenLatents as Shown } from '../../src/protocol/latents/tokenLatents';
import type { SelectionEvent } from '../../src/protocol/selection';
import { formatWeight } from '../../src/protocol/tokens';
import { TokenText } from './tokenText';
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
      aria-label={`#${latent} ${name ? `${name} ` : ''}${formatWeight(value)}. Show the latent`}
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
    <div class="token-latents" role="group" aria-label="Latents of the token" data-latents-of={of?.token}>
      <span class="token-latents-title" title={label}>
        latents
        {of ? (
          <>
            {' of '}
            <span class="mono">
              <TokenText text={of.text} />
            </span>
          </>
        ) : null}
      </span>
      {of ? null : <span>point at a token</span>}
      {of?.latents.length === 0 ? <span>none is active</span> : of?.latents.map(one)}
    </div>
  );
}
