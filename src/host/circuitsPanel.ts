import * as vscode from 'vscode';
import { CircuitsPage, type CircuitsParts } from './circuitsPage';
import { besideEditor } from './reportPanel';

export const CIRCUITS_VIEW = 'circuitscope.circuits';

/** The one circuits panel among the editors. */
export class CircuitsPanel implements vscode.Disposable {
  private readonly page: CircuitsPage;
  private panel: vscode.WebviewPanel | undefined;

  constructor(private readonly parts: CircuitsParts) {
    this.page = new CircuitsPage(parts, CIRCUITS_VIEW);
  }

  /** Beside the editor, which keeps the focus. */
  show(): void {
    if (this.panel) {
      this.panel.reveal(undefined, true);
      this.page.retry();
      return;
    }
    const place = { viewColumn: besideEditor(), preserveFocus: true };
    this.adopt(vscode.window.createWebviewPanel(CIRCUITS_VIEW, vscode.l10n.t('Circuits'), place));
  }

  /** With the card of the chosen head in view. */
  showHeadCard(): void {
    // a hidden panel starts anew when it is shown
    const hidden = !this.panel?.visible;
    this.show();
    this.page.showHeadCard(hidden);
  }

  /** Takes over a panel that VS Code made (after a reload) or that `show` made. */
  adopt(panel: vscode.WebviewPanel): void {
    this.panel?.dispose();
    this.panel = panel;
    panel.iconPath = vscode.Uri.joinPath(this.parts.extensionUri, 'media', 'activity.svg');
    panel.onDidDispose(() => {
      if (this.panel !== panel) return;
      this.panel = undefined;
      this.page.unload();
    });
    this.page.load(panel.webview, this.page.messenger.registerWebviewPanel(panel));
  }

  /** Shown in the panel itself, where there is nothing that it would hide. */
  showError(message: string): void {
    this.page.showError(message);
  }

  dispose(): void {
    this.panel?.dispose();
    this.page.dispose();
  }
}
