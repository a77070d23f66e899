import * as vscode from 'vscode';
import { NOTEBOOK_RENDERER, type NotebookTexts } from '../protocol/notebook';

/** Tells outputs in notebooks what they say in VS Code's language. */
export function answerNotebooks(): vscode.Disposable {
  const messaging = vscode.notebooks.createRendererMessaging(NOTEBOOK_RENDERER);
  return messaging.onDidReceiveMessage(({ editor }) => {
    const answer: NotebookTexts = { texts: vscode.l10n.bundle ?? {} };
    void messaging.postMessage(answer, editor);
  });
}
