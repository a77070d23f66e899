import * as vscode from 'vscode';
import type { Analyses } from './analyses';
import type { Checkpoints } from './checkpoints';
import { isGone, type Ask, type EngineService } from './engineService';
import { saveAs } from './saveFile';
import type { Work } from './work';

export interface ActivationParts {
  engine: EngineService;
  analyses: Analyses;
  checkpoints: Checkpoints;
  work: Work;
}

/** Export Activations…: hooks of the analyzed text, chosen from a list, as safetensors with TransformerLens names. */
export async function exportActivations({ engine, analyses, checkpoints, work }: ActivationParts): Promise<void> {
  const { current } = analyses;
  if (!current) {
    void vscode.window.showInformationMessage(
      vscode.l10n.t('Select some text and analyze it first; then its activations can be exported.'),
    );
    return;
  }
  const { checkpoint, info, source } = current;
  const title = vscode.l10n.t('Export activations of {0}', checkpoint.name);
  /** The engine may have been started again since: then once more with the new id. */
  const ask: <T>(request: (ask: Ask, checkpointId: string) => Promise<T>) => Promise<T> = async (request) => {
    await engine.whenReady();
    const id = (): string => (checkpoints.at(checkpoint.path) ?? checkpoint).id;
    return request(engine.request, id()).catch((error: unknown) => {
      if (isGone(error)) return request(engine.request, id());
      throw error;
    });
  };
  const names = await work.run(title, () => ask((to, checkpointId) => to('hookNames', { checkpointId })));
  if (!names) return;
  const hooks = await vscode.window.showQuickPick(names, {
    title,
    canPickMany: true,
    ignoreFocusOut: true,
    placeHolder: vscode.l10n.t('Hooks, in the order in which they are computed'),
  });
  if (!hooks || hooks.length === 0) return;
  const ids = info.tokens.map(({ id }) => id);
  const prompt = source.ids ? {} : { prompt: source.text };
  await saveAs(`${checkpoint.name}-activations`, { label: 'safetensors', ending: 'safetensors' }, (file) =>
    ask((to, checkpointId) => to('exportActivations', { checkpointId, ids, hooks, file, ...prompt })).then(
      () => undefined,
    ),
  );
}
