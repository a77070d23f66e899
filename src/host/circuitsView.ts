import * as vscode from 'vscode';
import { CircuitsPage, type CircuitsParts } from './circuitsPage';

const SIDE_VIEW = 'circuitscope.circuitsView';

/** The circuits in the side bar: the same page as the panel's, computed only while the view is open. */
export function registerCircuitsView(parts: CircuitsParts): vscode.Disposable {
  const page = new CircuitsPage(parts, SIDE_VIEW);
  const resolveWebviewView = (view: vscode.WebviewView): void => {
    view.onDidChangeVisibility(() => {
      if (!view.visible) page.pause();
    });
    view.onDidDispose(() => page.unload());
    page.load(view.webview, page.messenger.registerWebviewView(view));
  };
  return vscode.Disposable.from(page, vscode.window.registerWebviewViewProvider(SIDE_VIEW, { resolveWebviewView }));
}
