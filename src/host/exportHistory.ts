import * as vscode from 'vscode';
import * as path from 'node:path';
import type { HistoryFormat } from '../protocol/trainingPanel';
import { historyCsv, historyJson } from '../protocol/trainingTable';
import { showError } from './log';
import { saveAs, writeWhole } from './saveFile';
import type { Trainings } from './trainings';

/** Saves all points of a training, also of one that still runs; asks where. */
export async function exportHistory(trainings: Trainings, dir: string, format: HistoryFormat): Promise<void> {
  const name = path.basename(dir);
  const known = await trainings.record(dir);
  if (!known) {
    showError(vscode.l10n.t('{0} has no history yet: its training has not begun.', name));
    return;
  }
  await saveAs(`${name}-history`, { label: format.toUpperCase(), ending: format }, async (file) => {
    // it may have gone on while the person chose a name
    const record = (await trainings.record(dir)) ?? known;
    await writeWhole(
      file,
      format === 'csv' ? historyCsv(record) : `${JSON.stringify({ name, ...historyJson(record) })}\n`,
    );
  });
}
