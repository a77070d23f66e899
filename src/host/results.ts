import { stat } from 'node:fs/promises';
import * as path from 'node:path';
import * as vscode from 'vscode';
import type { CheckpointInfo } from '../protocol/checkpoint';
import type { EngineProgress } from '../protocol/engine';
import type { SaeInfo } from '../protocol/latents';
import { checkResult, fileChanges, type ResultCheck } from '../protocol/resultCheck';
import { needsText, RESULT_ENDING, writeResult, type FileIdentity, type ResultFile } from '../protocol/resultFile';
import type { FoundFiles } from '../protocol/resultPage';
import type { Analyses } from './analyses';
import type { AttentionPanel } from './attentionPanel';
import { providers, type Checkpoints } from './checkpoints';
import type { Circuits } from './circuits';
import type { CircuitsPanel } from './circuitsPanel';
import type { ComparePanel } from './comparePanel';
import type { Comparison } from './comparison';
import type { EngineService } from './engineService';
import type { Latents } from './latents';
import type { LatentsPanel } from './latentsPanel';
import type { LayersPanel } from './layersPanel';
import type { Log } from './log';
import type { Reports } from './reports';
import type { ImportedPatterns } from '../protocol/interop';
import { selectionOf, showPanel } from './showResult';
import { writeWhole } from './saveFile';
import type { SelectionStore } from './selection';
import type { ShownResult } from './shownResult';

export interface ResultParts {
  extensionUri: vscode.Uri;
  engine: EngineService;
  checkpoints: Checkpoints;
  analyses: Analyses;
  selection: SelectionStore;
  circuits: Circuits;
  latents: Latents;
  panel: AttentionPanel;
  circuitsPanel: CircuitsPanel;
  latentsPanel: LatentsPanel;
  layersPanel: LayersPanel;
  comparePanel: ComparePanel;
  comparison: Comparison;
  reports: Reports;
  version: string;
  log: Log;
}

/** Head scores of larger models are saved only if they are known: they may take minutes. */
const CHEAP_PARAMS = 50e6;

export interface Watching {
  token: vscode.CancellationToken;
  onProgress: (p: EngineProgress) => void;
}

/** Absolute paths that stand in for those of a file. */
export interface Chosen {
  checkpoint?: string;
  sae?: string;
  other?: string;
  otherSae?: string;
}

/** The files of a result. */
export interface Found {
  checkpoint: FoundFiles;
  sae?: FoundFiles;
  other?: FoundFiles;
  otherSae?: FoundFiles;
}

/** Saved results: written from what is shown, found, opened as panels, measured anew. */
export class Results {
  constructor(private readonly parts: ResultParts) {}

  /** What a panel shows, as a file. @param file absolute, for its paths */
  async save(shown: ShownResult, file: string, watching: Watching): Promise<void> {
    const { engine, checkpoints, circuits, version } = this.parts;
    const { view, sae, otherSae, source, text, ids } = shown;
    const now = (info: CheckpointInfo): CheckpointInfo => checkpoints.at(info.path) ?? info;
    const checkpoint = now(shown.checkpoint);
    const other = shown.other && now(shown.other);
    const cheap = checkpoint.nParams < CHEAP_PARAMS || circuits.now(checkpoint).scores !== undefined;
    const params = {
      ...{ checkpointId: checkpoint.id, ids, view, scores: cheap },
      ...(sae && { saeId: sae.id }),
      ...(other && { otherId: other.id }),
      ...(otherSae && { otherSaeId: otherSae.id }),
    };
    const measured = await engine.request('measureResult', params, watching);
    const result: ResultFile = {
      checkpoint: { ...measured.checkpoint, path: pathFrom(file, checkpoint.path) },
      ...(sae && measured.sae && { sae: { ...measured.sae, ...this.placeOf(sae, file) } }),
      ...(other && measured.other && { other: { ...measured.other, path: pathFrom(file, other.path) } }),
      ...(otherSae && measured.otherSae && { otherSae: { ...measured.otherSae, ...this.placeOf(otherSae, file) } }),
      circuitscope: version,
      created: new Date().toISOString(),
      source,
      ...(text !== undefined && { text }),
      ids,
      tokens: measured.tokens.map((token) => token.text),
      view,
      numbers: measured.numbers,
    };
    await writeWhole(file, writeResult(result));
  }

  /** Where an autoencoder is, seen from a file, and how it was opened. */
  private placeOf(sae: SaeInfo, file: string): Pick<FileIdentity, 'path' | 'layer' | 'tunedLens'> {
    const { tunedLens, layer } = this.parts.latents.optionsOf(sae);
    return {
      path: pathFrom(file, sae.path),
      ...(layer !== undefined && { layer }),
      ...(tunedLens !== undefined && { tunedLens: pathFrom(file, tunedLens) }),
    };
  }

  /** Patterns of another tool's file as a result. */
  importPatterns(file: string, out: string, watching: Watching): Promise<ImportedPatterns> {
    return this.parts.engine.request('importPatterns', { file, out }, watching);
  }

  /** Looks for the files of a result: where it says, else among what is open and the samples. */
  async find(file: string, result: ResultFile, chosen: Chosen): Promise<Found> {
    const { other, otherSae } = result;
    const found = await this.findBoth(file, result, chosen);
    if (!other) return found;
    const second = await this.findBoth(
      file,
      { checkpoint: other, ...(otherSae && { sae: otherSae }) },
      {
        ...(chosen.other !== undefined && { checkpoint: chosen.other }),
        ...(chosen.otherSae !== undefined && { sae: chosen.otherSae }),
      },
    );
    return { ...found, other: second.checkpoint, ...(second.sae && { otherSae: second.sae }) };
  }

  private async findBoth(
    file: string,
    { checkpoint, sae }: Pick<ResultFile, 'checkpoint' | 'sae'>,
    chosen: Chosen,
  ): Promise<Omit<Found, 'other'>> {
    const { checkpoints, latents, extensionUri, engine } = this.parts;
    const sample = (name: string): string => vscode.Uri.joinPath(extensionUri, 'samples', path.basename(name)).fsPath;
    const named = (list: readonly { name: string; path: string }[], { name }: FileIdentity): string[] => [
      ...list.filter((each) => each.name === name).map((each) => each.path),
      sample(name),
    ];
    const at = chosen.checkpoint ?? (await firstThere(file, checkpoint, named(checkpoints.all, checkpoint)));
    const saeAt = sae && (chosen.sae ?? (await firstThere(file, sae, named(latents.all, sae))));
    const identify = async (withSae: boolean): ReturnType<typeof this.identities> =>
      this.identities(file, at, withSae && sae && saeAt !== undefined ? { ...sae, path: saeAt } : undefined);
    try {
      await engine.whenReady();
      const now = await identify(false);
      const found: FoundFiles = { ...checkpoint, at, changes: fileChanges(checkpoint, now.checkpoint, 'checkpoint') };
      if (!sae || saeAt === undefined) return { checkpoint: found };
      const both = await identify(true).catch((error: unknown) => sentenceOf(error));
      const saeFound = { ...sae, at: saeAt };
      if (typeof both === 'string') return { checkpoint: found, sae: { ...saeFound, changes: [], problem: both } };
      return {
        checkpoint: found,
        sae: { ...saeFound, changes: both.sae ? fileChanges(sae, both.sae, 'autoencoder') : [] },
      };
    } catch (error) {
      const problem = sentenceOf(error);
      return {
        checkpoint: { ...checkpoint, at, changes: [], problem },
        ...(sae && saeAt !== undefined && { sae: { ...sae, at: saeAt, changes: [] } }),
      };
    }
  }

  private identities(file: string, at: string, sae?: FileIdentity): Promise<Identities> {
    return this.parts.engine.request('identify', {
      path: at,
      ...(sae && { sae: { path: sae.path, ...saeOptions(file, sae) } }),
    });
  }

  /** Opens the files and measures the numbers anew. @returns undefined when something could not be opened, which has been said */
  async check(file: string, result: ResultFile, found: Found, watching: Watching): Promise<ResultCheck> {
    const { engine, checkpoints } = this.parts;
    const checkpoint = await this.checkpointAt(found.checkpoint.at, watching);
    const other = found.other && (await this.checkpointAt(found.other.at, watching));
    const sae = found.sae && (await this.saeAt(checkpoint, file, found.sae));
    const otherSae = other && found.otherSae && (await this.saeAt(other, file, found.otherSae));
    const { ids, text, view, numbers } = result;
    const now = await engine.request(
      'measureResult',
      {
        ...{ checkpointId: (checkpoints.at(checkpoint.path) ?? checkpoint).id, ids, view, wide: true },
        scores: numbers.headScores !== undefined,
        ...(text !== undefined && { text }),
        ...(sae && { saeId: sae.id }),
        ...(other && { otherId: (checkpoints.at(other.path) ?? other).id }),
        ...(otherSae && { otherSaeId: otherSae.id }),
      },
      watching,
    );
    return checkResult(result, now);
  }

  /** The analysis as it was, with what was chosen, in its panel. */
  async openPanels(file: string, result: ResultFile, found: Found, watching: Watching): Promise<void> {
    const { analyses, selection, panel, comparison } = this.parts;
    const checkpoint = await this.checkpointAt(found.checkpoint.at, watching);
    if (found.sae) await this.saeAt(checkpoint, file, found.sae);
    this.parts.checkpoints.choose(checkpoint);
    const { text, ids, source, view } = result;
    if (ids.length > 0 && view.panel !== 'patch') {
      const asText = text !== undefined && checkpoint.hasTokenizer;
      const of = asText ? { name: source, text } : { name: source, text: ids.join(', '), ids };
      if (!(await analyses.run(checkpoint, of))) return;
    }
    selection.restore(selectionOf(result, checkpoint));
    if (needsText(view) && view.panel !== 'patch') panel.show();
    if (found.other) {
      comparison.end();
      if (!(await comparison.with(found.other.at))) return;
      const { sides } = comparison;
      if (found.otherSae && sides) await this.saeAt(sides.b, file, found.otherSae);
      this.parts.comparePanel.readWith(found.otherSae !== undefined);
    }
    showPanel(this.parts, result);
  }

  private async checkpointAt(at: string, { token, onProgress }: Watching): Promise<CheckpointInfo> {
    const { checkpoints, engine } = this.parts;
    const open = checkpoints.at(at);
    if (open) return open;
    const info = await engine.request('openCheckpoint', { path: at, providers: providers() }, { token, onProgress });
    const known = checkpoints.at(info.path);
    if (known) {
      void engine.request('closeCheckpoint', { checkpointId: info.id }).catch(() => undefined);
      return known;
    }
    checkpoints.adopt(info);
    return info;
  }

  private async saeAt(checkpoint: CheckpointInfo, file: string, sae: FoundFiles): Promise<SaeInfo> {
    const { latents } = this.parts;
    const open = latents.allOf(checkpoint).find((each) => each.path === sae.at);
    if (open) {
      latents.choose(open);
      return open;
    }
    let why = vscode.l10n.t('{0} was not opened.', sae.name);
    const opened = await latents.open(checkpoint, sae.at, saeOptions(file, sae), (message) => (why = message));
    if (!opened) throw new Error(why);
    return opened;
  }
}

type Identities = { checkpoint: Omit<FileIdentity, 'path'>; sae?: Omit<FileIdentity, 'path'> };

const sentenceOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const saeOptions = (file: string, { layer, tunedLens }: FileIdentity): { layer?: number; tunedLens?: string } => ({
  ...(layer !== undefined && { layer }),
  ...(tunedLens !== undefined && { tunedLens: path.resolve(path.dirname(file), tunedLens) }),
});

/** Relative where there is a way. */
const pathFrom = (file: string, target: string): string =>
  path.relative(path.dirname(file), target).split(path.sep).join('/') || '.';

async function firstThere(file: string, { path: saved }: FileIdentity, others: string[]): Promise<string> {
  const own = path.resolve(path.dirname(file), saved);
  for (const candidate of [own, ...others]) if (await stat(candidate).catch(() => undefined)) return candidate;
  return own;
}

/** The offered name, without the ending. */
export const resultName = (name: string): string =>
  name.replace(new RegExp(`${RESULT_ENDING.replaceAll('.', '\\.')}$`), '');
