import * as vscode from 'vscode';
import type { CheckpointInfo, HeadRef } from '../protocol/checkpoint';
import type { SaeCandidate, SaeInfo } from '../protocol/latents';
import { formatBytes } from './format';
import { layersRead } from './words';

/** A line of the Checkpoints view. */
export type CheckpointNode =
  | { kind: 'checkpoint'; checkpoint: CheckpointInfo }
  | { kind: 'layer'; checkpoint: CheckpointInfo; layer: number }
  | { kind: 'head'; checkpoint: CheckpointInfo; at: HeadRef }
  | { kind: 'sae'; checkpoint: CheckpointInfo; sae: SaeInfo }
  /** An SAE that lies beside the checkpoint and is not open. */
  | { kind: 'offer'; checkpoint: CheckpointInfo; offer: SaeCandidate };

const isNode = (node: unknown): node is CheckpointNode =>
  typeof node === 'object' && node !== null && 'checkpoint' in node && 'kind' in node;

/** The checkpoint that a context menu was opened on. */
export const checkpointOf = (node: unknown): CheckpointInfo | undefined => (isNode(node) ? node.checkpoint : undefined);

export const saeOf = (node: unknown): SaeInfo | undefined =>
  isNode(node) && node.kind === 'sae' ? node.sae : undefined;

/** `3 072`, with a thin space. */
const grouped = (n: number): string => String(n).replace(/\B(?=(\d{3})+$)/g, '\u2009');

export function saeItem(node: CheckpointNode & { kind: 'sae' }, inUse: boolean): vscode.TreeItem {
  const { sae, checkpoint } = node;
  // k is in the tooltip and in the panels
  const item = new vscode.TreeItem(sae.label.replace(/ k\d+$/, ''));
  item.id = `${checkpoint.path}/sae/${sae.path}`;
  item.description = grouped(sae.nLatents);
  const { layers, format, activation, k, nLatents, nInputs, bytes } = sae;
  const reads = layersRead(layers);
  const kind = k === undefined ? activation : `${activation} ${k}`;
  item.tooltip = [
    sae.path,
    vscode.l10n.t('{0}, {1}, {2} latents of {3} inputs, {4}', format, kind, nLatents, nInputs, reads),
    sae.tunedLens ? vscode.l10n.t('{0}, behind a tuned lens', formatBytes(bytes)) : formatBytes(bytes),
    ...sae.notices,
  ].join('\n');
  item.iconPath = inUse
    ? new vscode.ThemeIcon('layers-active', new vscode.ThemeColor('charts.blue'))
    : new vscode.ThemeIcon('layers');
  const said = vscode.l10n.t('{0}, {1} latents', sae.label, nLatents);
  item.accessibilityInformation = { label: inUse ? vscode.l10n.t('{0}, in use', said) : said };
  item.contextValue = 'sae';
  item.command = { command: 'circuitscope.showLatents', title: vscode.l10n.t('Show Latents'), arguments: [node] };
  return item;
}

export function offerItem(node: CheckpointNode & { kind: 'offer' }): vscode.TreeItem {
  const { offer, checkpoint } = node;
  const item = new vscode.TreeItem(vscode.l10n.t('Open SAE…'));
  item.id = `${checkpoint.path}/offer`;
  item.description = offer.name;
  item.tooltip = `${offer.path}\n${vscode.l10n.t('A sparse autoencoder of this model lies beside it: a click opens it.')}`;
  item.iconPath = new vscode.ThemeIcon('add');
  item.accessibilityInformation = { label: vscode.l10n.t('Open SAE… {0}', offer.name) };
  item.contextValue = 'offer';
  item.command = { command: 'circuitscope.openSae', title: vscode.l10n.t('Open SAE…'), arguments: [node] };
  return item;
}
