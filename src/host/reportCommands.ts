import * as vscode from 'vscode';
import { headName, type HeadRef } from '../protocol/checkpoint';
import type { ReportQuestions } from '../protocol/reportPanel';
import { visibleText } from '../protocol/tokens';
import type { Analyses, Analysis } from './analyses';
import type { Checkpoints } from './checkpoints';
import type { Reports } from './reports';
import { notEmpty } from './words';

export interface ReportCommandParts {
  analyses: Analyses;
  checkpoints: Checkpoints;
  reports: Reports;
}

/** Commands of the panels that answer one question each, by their id without `circuitscope.`. */
export const reportCommands = (p: ReportCommandParts): Record<string, (...args: never[]) => unknown> => ({
  showPaths: (analysis?: Analysis) => {
    choose(p.analyses, analysis);
    p.reports.paths.show();
  },
  showLens: (analysis?: Analysis) => {
    choose(p.analyses, analysis);
    p.reports.lens.show();
  },
  showImportance: (analysis?: Analysis) => {
    choose(p.analyses, analysis);
    p.reports.importance.show();
  },
  showBigrams: () => p.reports.bigrams.show(),
  patchActivations: async () => {
    const question = await askPatching(p);
    if (question) p.reports.patch.show(question);
  },
  ablateHeads: async () => {
    const question = await askAblation(p);
    if (question) p.reports.ablate.show(question);
  },
});

function choose(analyses: Analyses, analysis?: Analysis): void {
  if (analysis && analyses.all.includes(analysis)) analyses.show(analysis);
}

/** Texts longer than this are not offered as a prompt to edit. */
const SHORT = 200;

/** Four questions, one after the other; Escape ends them. */
async function askPatching({
  analyses,
  checkpoints,
}: ReportCommandParts): Promise<ReportQuestions['patch'] | undefined> {
  const checkpoint = checkpoints.active;
  if (!checkpoint) return undefined;
  const title = vscode.l10n.t('Activation patching in {0}', checkpoint.name);
  const { current } = analyses;
  const { text = '', ids } = current?.source ?? {};
  // an input box has one line
  const offered = !ids && text.length <= SHORT && !/[\r\n]/.test(text) ? text : '';
  const first = current?.info.predictions.at(-1)?.[0]?.text ?? '';
  const ask = (step: number, prompt: string, value: string): Thenable<string | undefined> =>
    vscode.window.showInputBox({
      title: `${title} (${step}/4)`,
      prompt,
      value,
      ignoreFocusOut: true,
      validateInput: (text) => (text === '' ? notEmpty() : undefined),
    });
  const clean = await ask(1, vscode.l10n.t('The clean prompt'), offered);
  if (!clean) return undefined;
  const corrupted = await ask(2, vscode.l10n.t('The corrupted prompt: equally many tokens, something changed'), clean);
  if (!corrupted) return undefined;
  const answer = await ask(
    3,
    vscode.l10n.t('The token that should follow the clean prompt (mind its leading space)'),
    clean === offered ? first : '',
  );
  if (!answer) return undefined;
  const wrong = await ask(4, vscode.l10n.t('The token that should follow the corrupted prompt'), '');
  if (!wrong) return undefined;
  return { clean: { text: clean }, corrupted: { text: corrupted }, answer: { text: answer }, wrong: { text: wrong } };
}

async function askAblation({ analyses }: ReportCommandParts): Promise<ReportQuestions['ablate'] | undefined> {
  const { current } = analyses;
  if (!current) return undefined;
  const { nLayers, nHeads } = current.info;
  if (nLayers === 0) {
    void vscode.window.showInformationMessage(vscode.l10n.t('This model has no attention heads.'));
    return undefined;
  }
  const heads = Array.from({ length: nLayers * nHeads }, (_, i): HeadRef => ({
    layer: Math.floor(i / nHeads),
    head: i % nHeads,
  }));
  const picked = await vscode.window.showQuickPick(
    heads.map((head) => ({ label: headName(head), head })),
    {
      title: vscode.l10n.t('Ablate heads on {0}', visibleText(current.source.name)),
      placeHolder: vscode.l10n.t('Heads that write nothing'),
      canPickMany: true,
      ignoreFocusOut: true,
    },
  );
  if (!picked || picked.length === 0) return undefined;
  return { heads: picked.map(({ head }) => head), mean: false };
}
