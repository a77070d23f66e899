import * as vscode from 'vscode';
import type { HeadRef } from '../protocol/checkpoint';
import { sourceOf, type Analysis, type Source } from './analyses';
import type { AttentionPanel } from './attentionPanel';
import type { CircuitsPanel } from './circuitsPanel';
import type { Editors } from './editors';
import { compareCommands, type CompareCommandParts } from './compareCommands';
import { resultCommands } from './resultCommands';
import type { Results } from './results';
import { showConcept } from './concepts';
import { exportPattern, pickFormat } from './exportPattern';
import { exportActivations, type ActivationParts } from './exportActivations';
import { latentCommands, type LatentCommandParts } from './latentCommands';
import { firstStepCommands } from './firstSteps';
import { writeIssueReport } from './issueReport';
import type { Log } from './log';
import { reportCommands } from './reportCommands';
import type { Reports } from './reports';
import { trainingCommands, type TrainingCommandParts } from './trainingCommands';
import { checkpointOf } from './treeNodes';

export interface Parts extends LatentCommandParts, TrainingCommandParts, CompareCommandParts, ActivationParts {
  extensionUri: vscode.Uri;
  log: Log;
  editors: Editors;
  panel: AttentionPanel;
  circuitsPanel: CircuitsPanel;
  reports: Reports;
  results: Results;
}

/** Every command, by its id without `circuitscope.`. */
const handlers = (p: Parts): Record<string, (...args: never[]) => unknown> => ({
  ...reportCommands(p),
  ...latentCommands(p),
  ...trainingCommands(p),
  ...compareCommands(p),
  ...resultCommands(p),
  openCheckpoint: (uri?: vscode.Uri) => (uri ? p.checkpoints.open(uri.fsPath) : p.chooser.pick()),
  openSample: async () => {
    const chosen = await p.chooser.pickSample();
    if (chosen?.sae) await p.saeChooser.open(chosen.checkpoint, chosen.sae);
  },
  analyzeSelection: () => analyzeSelection(p),
  analyzePrompt: () => analyzePrompt(p),
  rerun: () => p.analyses.rerun(),
  showAttention: (analysis?: Analysis) => {
    if (analysis && p.analyses.all.includes(analysis)) p.analyses.show(analysis);
    p.panel.show();
  },
  closeCheckpoint: async (node?: unknown) => {
    const checkpoint = checkpointOf(node) ?? p.checkpoints.active;
    if (checkpoint) await p.checkpoints.close(checkpoint);
  },
  showCircuits: (node?: unknown) => {
    const analysis = p.analyses.all.find((a) => a === node);
    const checkpoint = checkpointOf(node);
    if (analysis) p.analyses.show(analysis);
    else if (checkpoint) p.checkpoints.choose(checkpoint);
    p.circuitsPanel.show();
  },
  showHeadCard: () => p.circuitsPanel.showHeadCard(),
  ...firstStepCommands(p),
  concepts: showConcept(p.extensionUri),
  showLog: () => p.log.show(),
  writeIssueReport: () => writeIssueReport(p),
  showHead: (head: HeadRef, path?: string) => {
    const { current } = p.analyses;
    if (!current || (path !== undefined && current.checkpoint.path !== path)) {
      const other = p.analyses.all.find((a) => a.checkpoint.path === path);
      if (other) p.analyses.show(other);
      else
        return vscode.window.showInformationMessage(
          vscode.l10n.t('Select some text and analyze it first; then heads can be shown.'),
        );
    }
    p.selection.apply({ kind: 'chooseHead', head }, 'tree');
    p.panel.show();
    return undefined;
  },
  exportActivations: () => exportActivations(p),
  lockToken: (token: number) => p.selection.apply({ kind: 'lockToken', token }, 'editor'),
  unlock: () => p.selection.apply({ kind: 'unlock' }, 'editor'),
  exportPattern: async () => {
    const format = await pickFormat();
    if (format === 'png' && p.analyses.current?.checkpoint.nLayers !== 0) {
      p.panel.show();
      p.panel.requestPng();
    } else if (format) await exportPattern(p.analyses, p.selection, format);
  },
});

/** Every command by its id: those that package.json contributes, and those that links and trees run. */
export const commandsOf = (parts: Parts): Record<string, (...args: never[]) => unknown> =>
  Object.fromEntries(Object.entries(handlers(parts)).map(([name, handler]) => [`circuitscope.${name}`, handler]));

async function analyzeSelection({ chooser, analyses, panel, editors }: Parts): Promise<void> {
  const editor = editors.last;
  if (!editor) {
    void vscode.window.showInformationMessage(vscode.l10n.t('Open a file and select the text to analyze.'));
    return;
  }
  const { document, selection } = editor;
  const whole = new vscode.Range(document.positionAt(0), document.positionAt(document.getText().length));
  const source = sourceOf(document, selection.isEmpty ? whole : selection);
  await run({ chooser, analyses, panel }, source, document.uri);
}

async function run(
  p: Pick<Parts, 'chooser' | 'analyses' | 'panel'>,
  source: Source,
  resource?: vscode.Uri,
): Promise<void> {
  const checkpoint = await p.chooser.ensure(resource);
  if (!checkpoint) return;
  if (await p.analyses.run(checkpoint, source)) p.panel.show();
}

async function analyzePrompt(p: Parts): Promise<void> {
  const checkpoint = await p.chooser.ensure();
  if (!checkpoint) return;
  const ids = !checkpoint.hasTokenizer;
  const answer = await vscode.window.showInputBox({
    title: vscode.l10n.t('Analyze with {0}', checkpoint.name),
    prompt: ids
      ? vscode.l10n.t('This checkpoint has no tokenizer: give token ids, 0–{0}.', checkpoint.dVocab - 1)
      : vscode.l10n.t('Text to analyze'),
    placeHolder: ids ? '1, 2, 3' : undefined,
    ignoreFocusOut: true,
    validateInput: (text) =>
      ids && parseIds(text) === undefined ? vscode.l10n.t('Whole numbers, separated by commas.') : undefined,
  });
  if (!answer) return;
  const name = vscode.l10n.t({ message: 'prompt', comment: ['Name of a typed text'] });
  const source = ids ? { name, text: answer, ids: parseIds(answer) ?? [] } : { name, text: answer };
  await run(p, source);
}

/** `1, 2 3` as numbers; undefined when it is something else. */
export function parseIds(text: string): number[] | undefined {
  const parts = text.split(/[\s,]+/).filter((part) => part !== '');
  return parts.length > 0 && parts.every((part) => /^\d+$/.test(part)) ? parts.map(Number) : undefined;
}
