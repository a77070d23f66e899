/** What the values of the list are: `max`, or `on ·add` for a locked token. */
import * as l10n from '@vscode/l10n';
import type { JSX } from 'preact';
import { visibleText } from '../../src/protocol/tokens';
import { Sentence } from '../shared/sentence';
import { TokenText } from '../shared/tokenText';
import { sortNow } from './state';
import { locked, tokens } from './store';

const HEADINGS = {
  activation: { on: l10n.t('on {0}'), over: l10n.t('max') },
  layerMean: { on: l10n.t('mean on {0}'), over: l10n.t('mean') },
  surprise: { on: l10n.t('bits on {0}'), over: l10n.t('bits') },
};

/** `title` explains the values. */
export function ValueHeading({ title }: { title: string }): JSX.Element {
  const token = locked.value === undefined ? undefined : tokens.value[locked.value];
  const { on, over } = HEADINGS[sortNow.value];
  return (
    <span
      class="latent-on"
      title={token ? l10n.t('{0}; latents that are active on {1}', title, visibleText(token.text)) : title}
    >
      {token ? (
        <Sentence
          text={on}
          parts={[
            <b>
              <TokenText text={token.text} />
            </b>,
          ]}
        />
      ) : (
        over
      )}
    </span>
  );
}
