import * as path from 'node:path';
import * as vscode from 'vscode';
import type { CheckpointInfo } from '../protocol/checkpoint';
import type { SaeInfo } from '../protocol/latents';
import { latentId } from '../protocol/latents/names';
import type { Analyses, Analysis } from './analyses';
import type { CheckpointChooser } from './chooseCheckpoint';
import type { Checkpoints } from './checkpoints';
import type { SaeChooser } from './chooseSae';
import type { Latents } from './latents';
import type { LatentsPanel } from './latentsPanel';
import type { LayersPanel } from './layersPanel';
import { showError } from './log';
import type { SelectionStore } from './selection';
import type { Sweeps } from './sweeps';
import { askSweep, chooseSweep } from './sweepQuestions';
import { checkpointOf, saeOf } from './treeNodes';
import { sentence } from './work';
import { wholeNumber } from './words';

export interface LatentCommandParts {
  analyses: Analyses;
  checkpoints: Checkpoints;
  chooser: CheckpointChooser;
  selection: SelectionStore;
  latents: Latents;
  saeChooser: SaeChooser;
  sweeps: Sweeps;
  latentsPanel: LatentsPanel;
  layersPanel: LayersPanel;
}

/** Commands about latents, by their id without `circuitscope.`. */
export const latentCommands = (p: LatentCommandParts): Record<string, (...args: never[]) => unknown> => ({
  /** On a checkpoint or an SAE that was found beside one, on a folder, or by asking. */
  openSae: (on?: unknown) => openSae(p, on),
  closeSae: async (node?: unknown) => {
    const sae = saeOf(node) ?? inUse(p);
    if (sae) await p.latents.close(sae);
  },
  useTunedLens: (node?: unknown) => useTunedLens(p, node),
  showLatents: async (on?: unknown) => {
    if (await prepare(p, on)) p.latentsPanel.show();
  },
  showLayers: async (on?: unknown) => {
    if (await prepare(p, on)) p.layersPanel.show();
  },
  openLatent: (latent: number) => {
    if (p.selection.value.latent !== latent) p.selection.apply({ kind: 'chooseLatent', latent }, 'editor');
    p.latentsPanel.show();
  },
  nameLatent: (latent?: number) => nameLatent(p, latent),
  importExplanations: () => importExplanations(p),
  sweepCorpus: async (node?: unknown) => {
    const sae = saeOf(node) ?? inUse(p) ?? (await openSae(p));
    const asked = sae && (await askSweep(sae, p.sweeps.unfinished));
    const plan = asked && p.sweeps.planOf(sae, asked.corpus, asked.out);
    if (plan) await p.sweeps.run(plan);
  },
  openSweep: async (on?: unknown) => {
    const sae = saeOf(on) ?? inUse(p) ?? (await openSae(p));
    const dir = on instanceof vscode.Uri ? on.fsPath : sae && (await chooseSweep(sae));
    if (!sae || dir === undefined) return;
    await p.latents
      .openCorpus(sae, dir)
      .catch((error: unknown) => showError(sentence(vscode.l10n.t('Opening {0}', path.basename(dir)), error)));
  },
});

const inUse = ({ checkpoints, latents }: LatentCommandParts): SaeInfo | undefined =>
  checkpoints.active && latents.of(checkpoints.active);

async function openSae(p: LatentCommandParts, on?: unknown): Promise<SaeInfo | undefined> {
  const checkpoint = checkpointOf(on) ?? (await p.chooser.ensure());
  if (!checkpoint) return undefined;
  const target = on instanceof vscode.Uri ? on.fsPath : offered(on);
  const sae = target ? await p.saeChooser.open(checkpoint, target) : await p.saeChooser.pick(checkpoint);
  if (sae) p.checkpoints.choose(p.checkpoints.at(checkpoint.path) ?? checkpoint);
  return sae;
}

/** Of the tree's line that offers an SAE. */
const offered = (on: unknown): string | undefined =>
  typeof on === 'object' && on !== null && 'offer' in on ? (on as { offer: { path: string } }).offer.path : undefined;

/** Makes what a panel is asked about the one in use; asks for an SAE where there is none. */
async function prepare(p: LatentCommandParts, on: unknown): Promise<boolean> {
  const analysis = p.analyses.all.find((each) => each === on) as Analysis | undefined;
  if (analysis) p.analyses.show(analysis);
  const sae = saeOf(on);
  const checkpoint = checkpointOf(on);
  if (checkpoint) showCheckpoint(p, checkpoint);
  if (sae) p.latents.choose(sae);
  return (inUse(p) ?? (await openSae(p))) !== undefined;
}

/** Its latest analysis, if there is one: a panel of latents is about a text. */
function showCheckpoint({ analyses, checkpoints }: LatentCommandParts, checkpoint: CheckpointInfo): void {
  const { current, all } = analyses;
  const latest = all.find((each) => each.checkpoint.path === checkpoint.path);
  if (latest && current?.checkpoint.path !== checkpoint.path) analyses.show(latest);
  checkpoints.choose(checkpoint);
}

async function useTunedLens({ latents, checkpoints }: LatentCommandParts, node: unknown): Promise<void> {
  const sae = saeOf(node) ?? (checkpoints.active && latents.of(checkpoints.active));
  const checkpoint = sae && latents.checkpointOf(sae);
  if (!checkpoint) return;
  const [folder] =
    (await vscode.window.showOpenDialog({
      canSelectFolders: true,
      canSelectFiles: true,
      openLabel: vscode.l10n.t('Use Tuned Lens'),
      title: vscode.l10n.t('Translators of {0}: a folder with .safetensors, or the file', checkpoint.name),
    })) ?? [];
  if (folder) await latents.open(checkpoint, sae.path, { ...latents.optionsOf(sae), tunedLens: folder.fsPath });
}

async function nameLatent(p: LatentCommandParts, given?: number): Promise<void> {
  const sae = inUse(p);
  if (!sae) return;
  const { latents, selection } = p;
  const latent = typeof given === 'number' ? given : (selection.value.latent ?? (await askLatent(sae)));
  if (latent === undefined) return;
  const old = latents.names(sae)[latent];
  const title = vscode.l10n.t('Name of latent {0}', latentId(latent));
  const ask = (prompt: string, value: string): Thenable<string | undefined> =>
    vscode.window.showInputBox({ title, prompt, value, ignoreFocusOut: true });
  const name = await ask(vscode.l10n.t('A few words; empty: no name'), old?.name ?? '');
  if (name === undefined) return;
  const note = await ask(vscode.l10n.t('A note; may stay empty'), old?.note ?? '');
  if (note === undefined) return;
  const said = { name: name.trim(), ...(note.trim() && { note: note.trim() }) };
  await latents.rename(sae, latent, said).catch((error: unknown) => showError((error as Error).message));
}

/** Names from a file of Neuronpedia's, for latents that have none. */
async function importExplanations(p: LatentCommandParts): Promise<void> {
  const sae = inUse(p);
  if (!sae) return;
  const [uri] =
    (await vscode.window.showOpenDialog({
      openLabel: vscode.l10n.t('Import Explanations'),
      title: vscode.l10n.t('Explanations of Neuronpedia for {0}: JSON, or JSON lines', sae.name),
      filters: { JSON: ['json', 'jsonl'] },
    })) ?? [];
  if (!uri) return;
  try {
    const { added, found } = await p.latents.ask('importExplanations', sae, { file: uri.fsPath });
    await p.latents.reloadNames(sae);
    void vscode.window.showInformationMessage(
      vscode.l10n.t('{0} of {1} explanations were taken over as names; names that were there stay.', added, found),
    );
  } catch (error) {
    showError((error as Error).message);
  }
}

async function askLatent({ nLatents }: SaeInfo): Promise<number | undefined> {
  const answer = await vscode.window.showInputBox({
    title: vscode.l10n.t('Latent to name'),
    prompt: vscode.l10n.t('Its number, 0–{0}', nLatents - 1),
    ignoreFocusOut: true,
    validateInput: (text) =>
      /^#?\d+$/.test(text) && Number(text.replace('#', '')) < nLatents ? undefined : wholeNumber(0, nLatents - 1),
  });
  return answer === undefined ? undefined : Number(answer.replace('#', ''));
}
