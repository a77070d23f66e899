import * as vscode from 'vscode';
import type { Checkpoints } from './checkpoints';
import { escapeMarkdown } from './markdown';
import { formatParams, providerName } from './format';
import type { Work } from './work';

/** The active checkpoint and its provider, or what is going on. */
export function createStatusBar(checkpoints: Checkpoints, work: Work): vscode.Disposable {
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
      item.text = `$(circuit-board) ${active.name} · ${providerName(active.provider)}`;
      item.tooltip = tooltip(active);
      item.command = 'circuitscope.showAttention';
      item.show();
    } else item.hide();
  };
  return vscode.Disposable.from(
    item,
    checkpoints.onDidChange(update),
    work.onDidChange((progress) => {
      busy = progress?.message;
      update();
    }),
  );
}

function tooltip(c: NonNullable<Checkpoints['active']>): vscode.MarkdownString {
  const lines = [
    `**${escapeMarkdown(c.name)}** ${escapeMarkdown(c.architecture)} · ${formatParams(c.nParams)} parameters · ${c.dtypes.join(', ')}`,
    `Runs on ${providerName(c.provider)}, loaded in ${Math.round(c.loadMs)} ms`,
    ...c.providerNotes.map(escapeMarkdown),
    ...c.notices.map(escapeMarkdown),
  ];
  return new vscode.MarkdownString(lines.join('\n\n'));
}
