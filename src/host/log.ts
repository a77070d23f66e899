import * as vscode from 'vscode';
import type { LogLine } from '../protocol/engine';

export type Log = vscode.LogOutputChannel;

export const createLog = (): Log => vscode.window.createOutputChannel('Circuitscope', { log: true });

/** A line of the engine's. */
export const logLine = (log: Log, { level, message }: LogLine): void => log[level](message);

/** One sentence, with a way to the log. Does not wait for the person. */
export function showError(message: string): void {
  const show = vscode.l10n.t('Show Log');
  void vscode.window.showErrorMessage(message, show).then((answer) => {
    if (answer === show) void vscode.commands.executeCommand('circuitscope.showLog');
  });
}
