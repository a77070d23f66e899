import * as vscode from 'vscode';
import type { ResultPanel } from '../protocol/resultFile';

/** What a panel's button does. @param panel whose button it is: of it the result is saved */
export const runPanelCommand = (name: string, panel: ResultPanel): void =>
  void vscode.commands.executeCommand(`circuitscope.${name}`, ...(name === 'saveResult' ? [panel] : []));
