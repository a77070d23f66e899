/**
 * Language of what the host shares with the panels and the engine: src/protocol asks `@vscode/l10n` for its texts, as does what imports
 * nothing of VS Code (engineClient.ts). `features.ts` imports this file before all others. English has no table.
 */
import { config } from '@vscode/l10n';
import * as vscode from 'vscode';

config({ contents: vscode.l10n.bundle ?? {} });
