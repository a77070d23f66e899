import * as vscode from 'vscode';

/** The output and debug consoles are editors to VS Code, not to a person. */
const isText = ({ document }: vscode.TextEditor): boolean => !['output', 'debug'].includes(document.uri.scheme);

/** Which editor a person means while the focus is on a panel. */
export class Editors implements vscode.Disposable {
  private latest = vscode.window.activeTextEditor;
  private readonly subscription = vscode.window.onDidChangeActiveTextEditor((editor) => {
    if (editor && isText(editor)) this.latest = editor;
  });

  /** The editor that has the focus or had it last, if it can be seen; else any that can. */
  get last(): vscode.TextEditor | undefined {
    const { activeTextEditor: active, visibleTextEditors } = vscode.window;
    const visible = visibleTextEditors.filter(isText);
    const here = [active, this.latest].find((editor) => editor && visible.includes(editor));
    return here ?? visible[0];
  }

  dispose(): void {
    this.subscription.dispose();
  }
}
