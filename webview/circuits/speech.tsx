/** Says what the pointer or the keys are on to screen readers, once they rest. */
import * as l10n from '@vscode/l10n';
import { effect, signal } from '@preact/signals';
import type { JSX } from 'preact';
import { headName, type HeadRef } from '../../src/protocol/checkpoint';
import { compositionKinds } from '../../src/protocol/circuits';
import { samePair } from '../../src/protocol/selection';
import { scoreAt } from './excess';
import { focusPair, namesOf, selection, view } from './store';
import { scoreLabels } from '../shared/scoreLabels';

const REST_MS = 150;

function sentence(): string {
  const about = view.value;
  const { previewHead, pair } = selection.value;
  if (!about) return '';
  const named = (head: HeadRef): string =>
    [headName(head), ...namesOf(about, head).map((n) => `${scoreLabels[n.name]} ${n.score.toFixed(2)}`)].join(', ');
  if (previewHead) return named(previewHead);
  const focus = focusPair.value;
  if (!focus) return l10n.t('{0}, chosen', named(selection.value.head));
  const scores = compositionKinds.map((kind) => `${kind} ${scoreAt(about.composition, { ...focus, kind }).toFixed(3)}`);
  const locked = samePair(focus, pair) ? l10n.t(', locked') : '';
  const baseline = about.composition.baseline[focus.kind].toFixed(3);
  const said = l10n.t(
    '{0} to {1}, by {2}: {3}; baseline {4}',
    headName(focus.earlier),
    headName(focus.later),
    focus.kind,
    scores.join(', '),
    baseline,
  );
  return `${said}${locked}`;
}

const said = signal('');

export function startSpeech(): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  effect(() => {
    const next = sentence();
    clearTimeout(timer);
    timer = setTimeout(() => (said.value = next), REST_MS);
  });
}

export const LiveRegion = (): JSX.Element => (
  <div class="sr-only" aria-live="polite" data-live>
    {said.value}
  </div>
);
