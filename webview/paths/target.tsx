/** Which logit: the model's top predictions, or any other token. */
import * as l10n from '@vscode/l10n';
import type { JSX } from 'preact';
import { typedText, visibleText } from '../../src/protocol/tokens';
import { Field } from '../shared/controls';
import { fixed } from '../shared/numbers';
import { TokenText } from '../shared/tokenText';
import { paths, position, report, tokens } from './store';
import { Sentence } from '../shared/sentence';

/** `#12` is an id; everything else the text of a token. */
const choice = (typed: string): { id: number } | { text: string } =>
  /^#\d+$/.test(typed) ? { id: Number(typed.slice(1)) } : { text: typedText(typed) };

export function Target(): JSX.Element | null {
  const analysis = report.subject.value?.analysis;
  const shown = paths.value;
  if (!analysis || !shown) return null;
  const predictions = analysis.predictions[position.value] ?? [];
  const chosen = report.answer.value?.question.token;
  const known = predictions.some(({ id }) => id === shown.token.id);
  const locked = report.selection.value.locked.destination !== undefined;
  return (
    <div class="bar-line target">
      <span>
        <Sentence
          text={l10n.t('after {0}, the logit of')}
          parts={[
            <span class={`mono ${locked ? 'lock-text' : ''}`}>
              <TokenText text={tokens.value[shown.position]?.text ?? ''} />
            </span>,
          ]}
        />
      </span>
      {known ? null : (
        <button type="button" class="chip" aria-pressed="true">
          {visibleText(shown.token.text)}
        </button>
      )}
      {predictions.map(({ id, text, p }, i) => (
        <button
          key={id}
          type="button"
          class="chip"
          data-id={id}
          aria-pressed={id === shown.token.id}
          onClick={() => report.ask(i === 0 ? {} : { token: { id } })}
        >
          <TokenText text={text} />
          <span class="sr-only">{l10n.t(', probability ')}</span>
          <span class="number">{fixed(p)}</span>
        </button>
      ))}
      <Field
        label={l10n.t('Another token')}
        placeholder={l10n.t('another token')}
        onSubmit={(typed) => {
          if (typed !== '') report.ask({ token: choice(typed) });
          else if (chosen) report.ask({});
        }}
      />
    </div>
  );
}
