import * as vscode from 'vscode';
import { concepts, conceptsPage } from '../protocol/concepts';

/** The one command that links of panels may run. */
export const CONCEPTS_COMMAND = 'circuitscope.concepts';

/** Opens the paragraph of a quantity, or all of them, as rendered Markdown. */
export const showConcept =
  (extensionUri: vscode.Uri) =>
  (id?: unknown): Thenable<unknown> => {
    const page = vscode.Uri.joinPath(extensionUri, 'docs', conceptsPage(vscode.env.language));
    const known = typeof id === 'string' && id in concepts;
    return vscode.commands.executeCommand('markdown.showPreviewToSide', known ? page.with({ fragment: id }) : page);
  };
