import { randomBytes } from 'node:crypto';
import { rename, rm, writeFile } from 'node:fs/promises';
import * as vscode from 'vscode';
import type { PatternMatrix, Token } from '../protocol/analysis';
import { matrixKeyOf, type ExportFormat } from '../protocol/attentionPanel';
import { headName } from '../protocol/checkpoint';
import type { Analyses } from './analyses';
import { showError } from './log';
import type { SelectionStore } from './selection';

const FORMATS: Record<ExportFormat, { label: string; detail: string }> = {
  png: { label: 'PNG', detail: 'The heatmap as a picture.' },
  csv: { label: 'CSV', detail: 'One row a destination, one column a source.' },
  safetensors: { label: 'safetensors', detail: 'With TransformerLens names; all heads in mode mean or max.' },
};

export async function pickFormat(): Promise<ExportFormat | undefined> {
  const items = (Object.keys(FORMATS) as ExportFormat[]).map((format) => ({ ...FORMATS[format], format }));
  return (await vscode.window.showQuickPick(items, { placeHolder: 'Export the pattern as' }))?.format;
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
  const key = matrixKeyOf(analysis.info.id, { ...selection, previewHead: undefined });
  const what = key.head ? headName(key.head) : key.reduction;
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  const name = `${analysis.checkpoint.name.replaceAll('/', '_')}-${what}.${format}`;
  const target = await vscode.window.showSaveDialog({
    ...(folder ? { defaultUri: vscode.Uri.joinPath(folder, name) } : {}),
    filters: { [FORMATS[format].label]: [format] },
  });
  if (!target) return;
  const write: Record<ExportFormat, () => Promise<void>> = {
    png: () => writeWhole(target.fsPath, png ?? new Uint8Array()),
    csv: async () => writeWhole(target.fsPath, patternCsv(analysis.info.tokens, await analyses.matrix(analysis, key))),
    safetensors: () => analyses.exportPattern(analysis, target.fsPath, key),
  };
  try {
    await write[format]();
    void vscode.window.showInformationMessage(`Saved ${vscode.workspace.asRelativePath(target)}.`);
  } catch (error) {
    showError(`${target.fsPath} could not be written: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** A header of sources, then a row a destination; tokens are numbered, as texts repeat. */
export function patternCsv(tokens: readonly Token[], { n, values }: PatternMatrix): string {
  const names = tokens.map(({ text }, i) => `"${i} ${text.replaceAll('"', '""')}"`);
  const row = (dst: number): string => [names[dst], ...values.subarray(dst * n, (dst + 1) * n)].join(',');
  return [['"destination \\ source"', ...names].join(','), ...tokens.map((_, dst) => row(dst))].join('\n') + '\n';
}

/** Never leaves half a file under the name. */
async function writeWhole(file: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await writeFile(temporary, content);
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
