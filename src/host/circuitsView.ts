import type * as vscode from 'vscode';
import { CircuitsPage, type CircuitsParts } from './circuitsPage';

export const SIDE_VIEW = 'circuitscope.circuitsView';

/** The circuits in the side bar: the same page as the panel's, computed only while the view is open. */
export function createCircuitsView(parts: CircuitsParts): vscode.WebviewViewProvider & vscode.Disposable {
  const page = new CircuitsPage(parts, SIDE_VIEW);
  const resolveWebviewView = (view: vscode.WebviewView): void => {
    view.onDidChangeVisibility(() => {
      if (!view.visible) page.pause();
    });
    view.onDidDispose(() => page.unload());
    page.load(view.webview, page.messenger.registerWebviewView(view));
  };
  return { resolveWebviewView, dispose: () => page.dispose() };
}
