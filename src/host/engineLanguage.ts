import * as vscode from 'vscode';

/** The file of VS Code's translations, which the engine reads, too; undefined where VS Code speaks English. */
export function translationsFile(): string | undefined {
  const { uri } = vscode.l10n;
  return uri?.scheme === 'file' ? uri.fsPath : undefined;
}
