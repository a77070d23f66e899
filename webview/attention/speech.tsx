/** Says the crosshair to screen readers, once the pointer or the keys rest. */
import * as l10n from '@vscode/l10n';
import { effect, signal } from '@preact/signals';
import type { JSX } from 'preact';
import { headName } from '../../src/protocol/checkpoint';
import { formatWeight } from '../../src/protocol/tokens';
import { headAt, weightAt } from './heads';
import { crosshair } from './heatmapOverlay';
import { drawn, selection, tokens, view } from './store';

const REST_MS = 150;
const NAMES: Record<string, string> = {
  ' ': l10n.t('space'),
  '\n': l10n.t('line feed'),
  '\r': l10n.t('carriage return'),
  '\t': l10n.t('tab'),
};

/** A token as one says it: without the space before it, white space by name. */
export function spoken(text: string): string {
  const plain = text.trim();
  return plain === '' ? [...text].map((char) => NAMES[char] ?? char).join(' ') : plain;
}

function sentence(): string {
  const now = selection.value;
  const shown = drawn.value;
  const { destination, source } = crosshair(now);
  const name = (token: number): string => spoken(tokens.value[token]?.text ?? '');
  const locked = destination === now.locked.destination && source === now.locked.source ? l10n.t(', locked') : '';
  if (now.previewHead) return headName(now.previewHead);
  if (shown && destination !== undefined && source !== undefined) {
    const head = headAt(shown, destination, source, view.value?.analysis.nHeads ?? 1);
    const weight = formatWeight(weightAt(shown, destination, source));
    const said = head
      ? l10n.t('{0} attends to {1} {2} in {3}', name(destination), name(source), weight, head)
      : l10n.t('{0} attends to {1} {2}', name(destination), name(source), weight);
    return `${said}${locked}`;
  }
  const token = destination ?? source;
  return token === undefined ? '' : `${l10n.t('token {0}: {1}', token, name(token))}${locked}`;
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
