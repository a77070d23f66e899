import * as vscode from 'vscode';
import type { PatternMatrix, Token } from '../protocol/analysis';
import { matrixKeyOf, type ExportFormat, type MatrixKey } from '../protocol/attentionPanel';
import { headName } from '../protocol/checkpoint';
import { transformerLensCode } from '../protocol/transformerLensCode';
import type { Analyses, Analysis } from './analyses';
import { saveAs, writeWhole } from './saveFile';
import type { SelectionStore } from './selection';

const FORMATS: Record<ExportFormat, { label: string; detail: string }> = {
  png: { label: 'PNG', detail: vscode.l10n.t('The heatmap as a picture.') },
  csv: { label: 'CSV', detail: vscode.l10n.t('One row a destination, one column a source.') },
  safetensors: {
    label: 'safetensors',
    detail: vscode.l10n.t('With TransformerLens names; all heads in mode mean or max.'),
  },
  circuitsvis: {
    label: 'CircuitsVis',
    detail: vscode.l10n.t('JSON for attention_heads; all heads in mode mean or max.'),
  },
  python: {
    label: vscode.l10n.t('Copy as TransformerLens Code'),
    detail: vscode.l10n.t('Python that computes the same numbers, to the clipboard.'),
  },
};

export async function pickFormat(): Promise<ExportFormat | undefined> {
  const items = (Object.keys(FORMATS) as ExportFormat[]).map((format) => ({ ...FORMATS[format], format }));
  const placeHolder = vscode.l10n.t('Export the pattern as');
  return (await vscode.window.showQuickPick(items, { placeHolder, ignoreFocusOut: true }))?.format;
}

/** Saves what is drawn; asks where. `png` are the bytes that the panel drew. */
export async function exportPattern(
  analyses: Analyses,
  { value: selection }: SelectionStore,
  format: ExportFormat,
  png?: Uint8Array,
): Promise<void> {
  const analysis = analyses.current;
  if (!analysis) return;
  if (analysis.checkpoint.nLayers === 0) {
    void vscode.window.showInformationMessage(
      vscode.l10n.t('{0} has no layers, so there is no pattern to export.', analysis.checkpoint.name),
    );
    return;
  }
  const key = matrixKeyOf(analysis.info.id, { ...selection, previewHead: undefined });
  if (format === 'python') return copyCode(analysis, key);
  const what = key.head ? headName(key.head) : key.reduction;
  const write: Record<Exclude<ExportFormat, 'python'>, (file: string) => Promise<void>> = {
    png: (file) => writeWhole(file, png ?? new Uint8Array()),
    csv: async (file) => writeWhole(file, patternCsv(analysis.info.tokens, await analyses.matrix(analysis, key))),
    safetensors: (file) => analyses.exportPattern(analysis, file, key),
    circuitsvis: async (file) => writeWhole(file, JSON.stringify(await analyses.circuitsVis(analysis, key.head))),
  };
  const name = `${analysis.checkpoint.name}-${what}`;
  const ending = format === 'circuitsvis' ? 'json' : format;
  await saveAs(name, { label: FORMATS[format].label, ending }, (file) => write[format](file));
}

/** Python that computes what is drawn, to the clipboard. */
async function copyCode({ checkpoint, info, source }: Analysis, key: MatrixKey): Promise<void> {
  const { weighting, reduction, head } = key;
  const prompt = { ids: info.tokens.map(({ id }) => id), ...(!source.ids && { text: source.text }) };
  const request = { ...prompt, weighting, reduction, ...(head && { head }) };
  await vscode.env.clipboard.writeText(transformerLensCode.pattern(checkpoint, request));
}

/** A header of sources, then a row a destination; tokens are numbered, as texts repeat. */
export function patternCsv(tokens: readonly Token[], { n, values }: PatternMatrix): string {
  const names = tokens.map(({ text }, i) => `"${i} ${text.replaceAll('"', '""')}"`);
  const row = (dst: number): string => [names[dst], ...values.subarray(dst * n, (dst + 1) * n)].join(',');
  return [['"destination \\ source"', ...names].join(','), ...tokens.map((_, dst) => row(dst))].join('\n') + '\n';
}
