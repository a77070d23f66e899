/** The walkthrough: its buttons, and what it checks off by what the person did. */
import * as vscode from 'vscode';
import type { CheckpointInfo, HeadRef } from '../protocol/checkpoint';
import type { SelectionMessage } from '../protocol/attentionPanel';
import type { NamedScore } from '../protocol/circuits';
import type { Selection } from '../protocol/selection';
import { sourceOf, type Analyses } from './analyses';
import type { AttentionPanel } from './attentionPanel';
import type { CheckpointChooser } from './chooseCheckpoint';
import type { SaeChooser } from './chooseSae';
import type { Checkpoints } from './checkpoints';
import type { Circuits } from './circuits';
import type { SelectionStore } from './selection';

/** Steps that no other state tells of. Each has a context key `circuitscope.did.STEP`, which package.json names. */
export type FirstStep = 'chooseInductionHead' | 'lockComposition' | 'hoverLatents' | 'steer';

const done = new Set<FirstStep>();

/** Checks a step off. */
export function did(step: FirstStep): void {
  if (done.has(step)) return;
  done.add(step);
  void vscode.commands.executeCommand('setContext', `circuitscope.did.${step}`, true);
}

/** The lines of the sample that are analyzed: a function, and where it is called. From 0, the last not included. */
const LINES = { from: 3, to: 9 };

export interface FirstStepParts {
  extensionUri: vscode.Uri;
  checkpoints: Checkpoints;
  chooser: CheckpointChooser;
  saeChooser: SaeChooser;
  analyses: Analyses;
  panel: AttentionPanel;
}

/** The walkthrough's buttons, by their id without `circuitscope.`. */
export const firstStepCommands = (p: FirstStepParts): Record<string, () => Promise<unknown>> => ({
  tryOpenSample: () => p.chooser.openSample('attn-only-2l'),
  tryAnalyze: () => analyzeSample(p, 'attn-only-2l'),
  tryLatents: async () => {
    const sample = await p.chooser.openSample('neox-6l', true);
    if (sample?.sae && (await p.saeChooser.open(sample.checkpoint, sample.sae))) await analyzeSample(p, 'neox-6l');
  },
});

async function analyzeSample(
  { extensionUri, checkpoints, chooser, analyses, panel }: FirstStepParts,
  name: string,
): Promise<void> {
  const file = vscode.Uri.joinPath(extensionUri, 'samples', 'workspace', 'src', 'total.ts');
  const document = await vscode.workspace.openTextDocument(file);
  const range = new vscode.Range(LINES.from, 0, LINES.to, 0);
  await vscode.window.showTextDocument(document, { selection: range, preview: false });
  // it belongs to the extension: what is typed there would be lost with the next version
  await vscode.commands.executeCommand('workbench.action.files.setActiveEditorReadonlyInSession');
  const open = checkpoints.all.find((checkpoint) => checkpoint.name === name);
  const checkpoint: CheckpointInfo | undefined = open ?? (await chooser.openSample(name))?.checkpoint;
  if (!checkpoint) return;
  if (await analyses.run(checkpoint, sourceOf(document, range))) panel.show();
}

/** Watches what the person chooses. */
export function watchFirstSteps(selection: SelectionStore, analyses: Analyses, circuits: Circuits): vscode.Disposable {
  const look = (): void => {
    if (done.has('chooseInductionHead') && done.has('lockComposition')) return;
    const { current } = analyses;
    const names = current && circuits.names(current.checkpoint);
    if (!current || !names) return;
    const { head, pair, reduction } = selection.value;
    const is = (which: HeadRef, name: NamedScore): boolean =>
      names[which.layer * current.checkpoint.nHeads + which.head]?.some((each) => each.name === name) ?? false;
    if (reduction === 'one' && is(head, 'induction')) did('chooseInductionHead');
    if (pair?.kind === 'K' && is(pair.earlier, 'previousToken') && is(pair.later, 'induction')) did('lockComposition');
  };
  // the selection follows the pointer, too: names are looked up only for another choice
  let seen: Partial<Selection> = {};
  const chosen = ({ selection: { head, pair, reduction } }: SelectionMessage): void => {
    if (head === seen.head && pair === seen.pair && reduction === seen.reduction) return;
    seen = { head, pair, reduction };
    look();
  };
  return vscode.Disposable.from(selection.onDidChange(chosen), circuits.onDidChange(look));
}
