/** Says what the pointer or the keys are on to screen readers, once they rest. */
import * as l10n from '@vscode/l10n';
import { effect, signal } from '@preact/signals';
import type { JSX } from 'preact';
import { visibleText } from '../../src/protocol/tokens';
import { fixed } from '../shared/numbers';
import { hoveredPlace, shownShares } from './layerPicture';
import { pictureNow, rows } from './state';
import { sayRow } from './list';
import { encoding, hoveredToken, locked, names, selection, tokens } from './store';
import { hoveredCell, valueAt } from './tokenMap';

const REST_MS = 150;

const tokenName = (token: number): string => {
  const text = tokens.value[token]?.text ?? '';
  return text.trim() === '' ? visibleText(text) : text.trim();
};

function sayLatent(latent: number): string {
  const row = rows.value.find((r) => r.latent === latent);
  if (row) return sayRow(row);
  const name = names.value[latent]?.name;
  return `${l10n.t('latent {0}', latent)}${name ? `, ${name}` : ''}`;
}

function sentence(): string {
  const { previewLatent, latent, previewLayer, layer } = selection.value;
  const cell = hoveredCell.value;
  if (cell && previewLatent !== undefined) {
    const isLocked = previewLatent === latent && previewLayer === layer && cell.token === locked.value;
    const where = l10n.t('{0}, layer {1}', tokenName(cell.token), encoding.value?.layers[cell.layer] ?? NaN);
    return `${l10n.t('{0}: latent {1}, {2}', where, previewLatent, fixed(valueAt(cell)))}${isLocked ? l10n.t(', locked') : ''}`;
  }
  if (previewLatent !== undefined) {
    const at = pictureNow.value === 'latent' ? undefined : hoveredPlace.value;
    const mean = at === undefined ? '' : l10n.t(', layer mean {0}', fixed(shownShares.value?.mean[at] ?? NaN));
    const isLocked = previewLatent === latent ? l10n.t(', locked') : '';
    return `${at === undefined ? sayLatent(previewLatent) : `${l10n.t('latent {0}', previewLatent)}${mean}`}${isLocked}`;
  }
  const token = hoveredToken.value;
  if (token !== undefined)
    return `${l10n.t('token {0}: {1}', token, tokenName(token))}${token === locked.value ? l10n.t(', locked') : ''}`;
  return latent === undefined ? '' : `${sayLatent(latent)}${l10n.t(', locked')}`;
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
