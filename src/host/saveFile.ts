import { randomBytes } from 'node:crypto';
import { rename, rm, writeFile } from 'node:fs/promises';
import * as vscode from 'vscode';
import { showError } from './log';
import { notWritten } from './words';

export interface FileKind {
  /** e.g. `CSV`. */
  label: string;
  /** Without its dot. */
  ending: string;
}

/** Asks where to, then writes; says how it went. `name` without ending is offered. */
export async function saveAs(
  name: string,
  { label, ending }: FileKind,
  write: (file: string) => Promise<void>,
): Promise<void> {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  const offered = `${name.replaceAll(/[/\\]/g, '_')}.${ending}`;
  const target = await vscode.window.showSaveDialog({
    ...(folder ? { defaultUri: vscode.Uri.joinPath(folder, offered) } : {}),
    filters: { [label]: [ending] },
  });
  if (!target) return;
  try {
    await write(target.fsPath);
    void vscode.window.showInformationMessage(vscode.l10n.t('Saved {0}.', vscode.workspace.asRelativePath(target)));
  } catch (error) {
    showError(notWritten(target.fsPath, error));
  }
}

/** Never leaves half a file under the name. */
export async function writeWhole(file: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await writeFile(temporary, content);
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
