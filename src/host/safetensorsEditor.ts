import * as path from 'node:path';
import * as vscode from 'vscode';
import type { EngineService } from './engineService';
import type { Log } from './log';
import { SafetensorsPage } from './safetensorsPage';

/** Time in which a file that is being written changes again, ms. */
const SETTLES_MS = 300;

/** A `.safetensors` file that is open in one or more editors. Nothing of it is kept here. */
export class SafetensorsDocument implements vscode.CustomDocument {
  private readonly changed = new vscode.EventEmitter<void>();
  /** The file on disk is another. */
  readonly onDidChange = this.changed.event;
  private readonly disposables: vscode.Disposable[] = [this.changed];
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(readonly uri: vscode.Uri) {
    const folder = vscode.Uri.file(path.dirname(uri.fsPath));
    // a pattern has its own meaning for brackets; names with them are watched with all others of the folder
    const name = /[[\]{}*?]/.test(path.basename(uri.fsPath)) ? '*' : path.basename(uri.fsPath);
    const watcher = vscode.workspace.createFileSystemWatcher(new vscode.RelativePattern(folder, name));
    const soon = ({ fsPath }: vscode.Uri): void => {
      if (fsPath !== uri.fsPath) return;
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.changed.fire(), SETTLES_MS);
    };
    this.disposables.push(watcher, watcher.onDidChange(soon), watcher.onDidCreate(soon), watcher.onDidDelete(soon));
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.disposables.forEach((d) => d.dispose());
  }
}

/** Shows `.safetensors` files, read-only. */
export class SafetensorsEditor implements vscode.CustomReadonlyEditorProvider<SafetensorsDocument> {
  /** Those that are open, for tests. */
  readonly pages = new Set<SafetensorsPage>();

  constructor(
    private readonly extensionUri: vscode.Uri,
    private readonly engine: EngineService,
    private readonly log: Log,
  ) {}

  openCustomDocument(uri: vscode.Uri): SafetensorsDocument {
    return new SafetensorsDocument(uri);
  }

  resolveCustomEditor(document: SafetensorsDocument, panel: vscode.WebviewPanel): void {
    const { extensionUri, engine, log, pages } = this;
    const page = new SafetensorsPage({ extensionUri, engine, log, uri: document.uri }, panel);
    pages.add(page);
    const follow = document.onDidChange(() => void page.load());
    panel.onDidDispose(() => {
      pages.delete(page);
      follow.dispose();
      page.dispose();
    });
  }
}
