import * as vscode from 'vscode';
import { Messenger } from 'vscode-messenger';
import type { WebviewIdMessageParticipant } from 'vscode-messenger-common';
import { besideEditor } from './reportPanel';
import { webviewOptions, webviewPage, webviewRoot } from './webviewPage';

export interface SinglePanelAbout {
  extensionUri: vscode.Uri;
  /** Its type, as the manifest's activation events name it. */
  view: string;
  /** Script and style sheet in `dist/webview`. */
  page: string;
  title: string;
  /** It was closed, by whomever. */
  closed?: () => void;
}

/**
 * A panel of which there is at most one: made beside the editor or taken over after a reload of the window.
 * `In`, `Out`: tables of notifications, name → parameters, to the panel and from it.
 */
export class SinglePanel<In, Out> implements vscode.Disposable {
  private readonly messenger = new Messenger();
  private panel: vscode.WebviewPanel | undefined;
  private to: WebviewIdMessageParticipant | undefined;
  private listening = false;
  private readonly disposables: vscode.Disposable[] = [];

  /** @param ready name of the notification with which the panel's script says that it runs */
  constructor(
    private readonly about: SinglePanelAbout,
    ready: keyof Out & string,
    start: () => void,
  ) {
    this.on(ready, () => {
      this.listening = true;
      start();
    });
  }

  /** Its script runs. */
  get isListening(): boolean {
    return this.listening;
  }

  /** Beside the editor, which keeps the focus. */
  show(): void {
    if (this.panel) {
      this.panel.reveal(undefined, true);
      return;
    }
    const { view, title } = this.about;
    const place = { viewColumn: besideEditor(), preserveFocus: true };
    const before = tabsOf(view);
    this.adopt(vscode.window.createWebviewPanel(view, title, place));
    // VS Code restores a panel that lay behind another one only when it is looked at: it would be there twice
    if (before.length > 0) void vscode.window.tabGroups.close(before, true);
  }

  /** Takes over a panel that VS Code made (after a reload) or that `show` made. */
  adopt(panel: vscode.WebviewPanel): void {
    this.panel?.dispose();
    this.panel = panel;
    this.listening = false;
    const { extensionUri, page, title, closed } = this.about;
    const root = webviewRoot(extensionUri);
    panel.iconPath = vscode.Uri.joinPath(extensionUri, 'media', 'activity.svg');
    panel.webview.options = webviewOptions(root);
    this.to = this.messenger.registerWebviewPanel(panel);
    panel.onDidDispose(() => {
      if (this.panel !== panel) return;
      this.panel = this.to = undefined;
      this.listening = false;
      closed?.();
    });
    panel.webview.html = webviewPage(panel.webview, root, page, title);
  }

  on<K extends keyof Out & string>(method: K, handler: (params: Out[K]) => void): void {
    this.disposables.push(this.messenger.onNotification<Out[K]>({ method }, handler));
  }

  /** Does nothing while nobody listens: a panel asks for everything when it starts. */
  send<K extends keyof In & string>(method: K, params: In[K]): void {
    if (this.to && this.listening) this.messenger.sendNotification({ method }, this.to, params);
  }

  dispose(): void {
    this.panel?.dispose();
    this.disposables.forEach((d) => d.dispose());
  }
}

/** Tabs of a type of webview. VS Code puts a prefix before it. */
const tabsOf = (view: string): vscode.Tab[] =>
  vscode.window.tabGroups.all
    .flatMap(({ tabs }) => tabs)
    .filter(({ input }) => input instanceof vscode.TabInputWebview && input.viewType.endsWith(view));
