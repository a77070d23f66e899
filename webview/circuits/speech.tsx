/** Says what the pointer or the keys are on to screen readers, once they rest. */
import { effect, signal } from '@preact/signals';
import type { JSX } from 'preact';
import { headName, type HeadRef } from '../../src/protocol/checkpoint';
import { compositionKinds, scoreLabels } from '../../src/protocol/circuits';
import { samePair } from '../../src/protocol/selection';
import { scoreAt } from './excess';
import { focusPair, namesOf, selection, view } from './store';

const REST_MS = 150;

function sentence(): string {
  const about = view.value;
  const { previewHead, pair } = selection.value;
  if (!about) return '';
  const named = (head: HeadRef): string =>
    [headName(head), ...namesOf(about, head).map((n) => `${scoreLabels[n.name]} ${n.score.toFixed(2)}`)].join(', ');
  if (previewHead) return named(previewHead);
  const focus = focusPair.value;
  if (!focus) return `${named(selection.value.head)}, chosen`;
  const scores = compositionKinds.map((kind) => `${kind} ${scoreAt(about.composition, { ...focus, kind }).toFixed(3)}`);
  const locked = samePair(focus, pair) ? ', locked' : '';
  const baseline = about.composition.baseline[focus.kind].toFixed(3);
  return `${headName(focus.earlier)} to ${headName(focus.later)}, by ${focus.kind}: ${scores.join(', ')}; baseline ${baseline}${locked}`;
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
