import * as vscode from 'vscode';
import type { Checkpoints } from './checkpoints';
import { escapeText } from './markdown';
import { formatParams, providerName } from './format';
import type { Latents } from './latents';
import type { Work } from './work';

/** The active checkpoint, its autoencoder and its provider, or what is going on. */
export function createStatusBar(checkpoints: Checkpoints, latents: Latents, work: Work): vscode.Disposable {
  const item = vscode.window.createStatusBarItem('circuitscope.status', vscode.StatusBarAlignment.Right, 90);
  item.name = 'Circuitscope';
  let busy: string | undefined;
  const update = (): void => {
    const { active } = checkpoints;
    if (busy !== undefined) {
      item.text = `$(loading~spin) ${busy}`;
      item.tooltip = busy;
      item.show();
    } else if (active) {
      const sae = latents.of(active);
      const names = [active.name, ...(sae ? [sae.label] : []), providerName(active.provider)];
      item.text = `$(circuit-board) ${names.join(' · ')}`;
      item.tooltip = tooltip(active);
      item.command = 'circuitscope.showAttention';
      item.show();
    } else item.hide();
  };
  return vscode.Disposable.from(
    item,
    checkpoints.onDidChange(update),
    latents.onDidChange(update),
    work.onDidChange((progress) => {
      busy = progress?.message;
      update();
    }),
  );
}

function tooltip(c: NonNullable<Checkpoints['active']>): vscode.MarkdownString {
  const lines = [
    `**${escapeText(c.name)}** ${escapeText(c.architecture)} · ${vscode.l10n.t('{0} parameters', formatParams(c.nParams))} · ${c.dtypes.join(', ')}`,
    vscode.l10n.t('Runs on {0}, loaded in {1} ms', providerName(c.provider), Math.round(c.loadMs)),
    ...c.providerNotes.map(escapeText),
    ...c.notices.map(escapeText),
  ];
  return new vscode.MarkdownString(lines.join('\n\n'));
}
