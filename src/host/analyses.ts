import * as vscode from 'vscode';
import type { AnalysisInfo, PatternMatrix, SourcesByLayer, Thumbnails, Weighting } from '../protocol/analysis';
import type { MatrixKey } from '../protocol/attentionPanel';
import type { CheckpointInfo, HeadRef } from '../protocol/checkpoint';
import type { AnalyzeParams, EngineProgress } from '../protocol/engine';
import type { CircuitsVisInput } from '../protocol/interop';
import {
  currentSource,
  documentOf,
  sameSubject,
  sameTokens,
  textIn,
  whatWasRead,
  type Analysis,
  type Source,
} from './analysis';
import type { Checkpoints } from './checkpoints';
import { isGone, type EngineService } from './engineService';
import { MatrixCache } from './matrixCache';
import type { SelectionStore } from './selection';
import { TrackedRanges } from './trackedRanges';
import type { Work } from './work';

export { documentOf, sourceOf, type Analysis, type Source } from './analysis';

/** Analyses that can be gone back to. */
const HISTORY = 8;

/** Runs analyses, holds the current one and a short history, and answers for what the views draw of it. */
export class Analyses implements vscode.Disposable {
  private readonly history: Analysis[] = [];
  private shown: Analysis | undefined;
  private readonly matrices = new MatrixCache();
  private readonly changed = new vscode.EventEmitter<void>();
  /** Another current analysis, or its staleness, or the list. */
  readonly onDidChange = this.changed.event;
  private readonly disposables: vscode.Disposable[] = [this.changed];

  constructor(
    private readonly engine: EngineService,
    private readonly checkpoints: Checkpoints,
    private readonly selection: SelectionStore,
    private readonly work: Work,
  ) {
    this.disposables.push(
      vscode.workspace.onDidChangeTextDocument((e) => this.edited(e)),
      vscode.workspace.onDidOpenTextDocument((document) => this.opened(document)),
      checkpoints.onDidChange(() => this.dropClosed()),
    );
  }

  get current(): Analysis | undefined {
    return this.shown;
  }

  /** Newest first. */
  get all(): readonly Analysis[] {
    return this.history;
  }

  /** Runs and shows; what was shown stays when it is cancelled or fails. */
  async run(checkpoint: CheckpointInfo, source: Source, onError?: (m: string) => void): Promise<Analysis | undefined> {
    const info = await this.work.run(
      vscode.l10n.t('Analyzing {0}', source.name),
      (token, onProgress) => this.analyze(checkpoint, source, token, onProgress),
      onError,
    );
    if (!info) return undefined;
    const read: Source = { ...source, text: whatWasRead(source, info) };
    const analysis: Analysis = { checkpoint, info, source: read, stale: false };
    if (read.document) analysis.tracked = new TrackedRanges(read.document.start, read.text, info.tokens);
    const same = this.history.findIndex((a) => sameSubject(a, analysis));
    if (same >= 0) this.forget(this.history[same]!);
    this.history.unshift(analysis);
    this.history.splice(HISTORY).forEach((old) => this.closeInEngine(old));
    this.refresh(analysis);
    this.show(analysis);
    return analysis;
  }

  /** The current analysis on the document as it is now. */
  async rerun(): Promise<void> {
    const { shown } = this;
    if (!shown) return;
    // the file may be gone by now; what was read of it is still here
    const source = await currentSource(shown).catch(() => undefined);
    await this.run(shown.checkpoint, source ?? shown.source);
  }

  show(analysis: Analysis): void {
    if (analysis.outdated) {
      void this.run(analysis.checkpoint, analysis.source);
      return;
    }
    const other = this.shown !== analysis;
    this.shown = analysis;
    this.checkpoints.choose(analysis.checkpoint);
    if (other) this.selection.reset(analysis.checkpoint);
    this.fire();
  }

  /** What an analysis would be with another checkpoint. Nothing is shown. */
  preview(
    checkpoint: CheckpointInfo,
    { source }: Analysis,
    token: vscode.CancellationToken,
    onProgress: (p: EngineProgress) => void,
  ): Promise<AnalysisInfo> {
    return this.analyze(checkpoint, source, token, onProgress);
  }

  /** A checkpoint stands in the place of another. The current analysis is `info` from now on; on the same tokens all that is chosen stays. */
  move(from: CheckpointInfo, to: CheckpointInfo, info?: AnalysisInfo): void {
    for (const analysis of this.history.filter((a) => a.checkpoint.path === from.path)) {
      this.closeInEngine(analysis);
      Object.assign(analysis, { checkpoint: to, outdated: true });
    }
    const { shown } = this;
    if (!shown?.outdated || !info) return;
    const same = sameTokens(shown.info, info);
    const next: Analysis = { checkpoint: to, info, source: shown.source, stale: shown.stale };
    const { tracked, source } = shown;
    if (tracked && same) next.tracked = tracked;
    else if (source.document) next.tracked = new TrackedRanges(source.document.start, source.text, info.tokens);
    this.history[this.history.indexOf(shown)] = next;
    this.refresh(next);
    this.shown = next;
    if (same) this.selection.follow(to);
    else this.selection.reset(to);
    this.fire();
  }

  async matrix(analysis: Analysis, key: Omit<MatrixKey, 'analysisId'>): Promise<PatternMatrix> {
    const { reduction, weighting, head } = key;
    const found = this.matrices.get({ analysisId: analysis.info.id, ...key });
    if (found) return found;
    const matrix = await this.ask(analysis, (analysisId) =>
      this.engine.request('pattern', { analysisId, reduction, weighting, ...(head ? { head } : {}) }),
    );
    this.matrices.set({ analysisId: analysis.info.id, ...key }, matrix);
    return matrix;
  }

  /** The matrix, if it was fetched before. */
  matrixNow(key: MatrixKey): PatternMatrix | undefined {
    return this.matrices.get(key);
  }

  thumbnails(analysis: Analysis, weighting: Weighting, size: number): Promise<Thumbnails> {
    return this.ask(analysis, (analysisId) => this.engine.request('thumbnails', { analysisId, weighting, size }));
  }

  sources(analysis: Analysis, destination: number, k: number): Promise<SourcesByLayer> {
    return this.ask(analysis, (analysisId) => this.engine.request('sources', { analysisId, destination, k }));
  }

  async exportPattern(analysis: Analysis, file: string, key: Omit<MatrixKey, 'analysisId'>): Promise<void> {
    const { weighting, head } = key;
    await this.ask(analysis, (analysisId) =>
      this.engine.request('exportPattern', { analysisId, weighting, file, ...(head ? { head } : {}) }),
    );
  }

  /** Patterns of every head, or of one, as CircuitsVis takes them. */
  circuitsVis(analysis: Analysis, head?: HeadRef): Promise<CircuitsVisInput> {
    return this.ask(analysis, (analysisId) =>
      this.engine.request('circuitsVis', { analysisId, ...(head ? { head } : {}) }),
    );
  }

  /** Asks the engine about an analysis; when the engine has lost it (it died, or needed the room), runs it again first. */
  private async ask<T>(analysis: Analysis, request: (analysisId: string) => Promise<T>): Promise<T> {
    const { id } = analysis.info;
    try {
      return await request(id);
    } catch (error) {
      if (!isGone(error)) throw error;
      if (analysis.info.id === id) await this.again(analysis);
      return request(analysis.info.id);
    }
  }

  private readonly renewals = new Map<Analysis, Promise<void>>();

  private again(analysis: Analysis): Promise<void> {
    const renew = async (): Promise<void> => {
      analysis.checkpoint = this.checkpoints.at(analysis.checkpoint.path) ?? analysis.checkpoint;
      analysis.info = await this.analyze(analysis.checkpoint, analysis.source);
      this.changed.fire();
    };
    let renewal = this.renewals.get(analysis);
    if (!renewal) {
      renewal = renew().finally(() => this.renewals.delete(analysis));
      this.renewals.set(analysis, renewal);
    }
    return renewal;
  }

  private async analyze(
    checkpoint: CheckpointInfo,
    { text, ids }: Source,
    token?: vscode.CancellationToken,
    onProgress?: (p: EngineProgress) => void,
  ): Promise<AnalysisInfo> {
    await this.engine.whenReady();
    const settings = vscode.workspace.getConfiguration('circuitscope');
    const params: AnalyzeParams = {
      checkpointId: (this.checkpoints.at(checkpoint.path) ?? checkpoint).id,
      ...(ids ? { ids } : { text }),
      maxTokens: settings.get('maxTokens', 1024),
      topK: settings.get('topPredictions', 5),
    };
    return this.engine.request('analyze', params, { ...(token && { token }), ...(onProgress && { onProgress }) });
  }

  private edited({ document, contentChanges }: vscode.TextDocumentChangeEvent): void {
    if (contentChanges.length === 0) return;
    for (const analysis of this.history) {
      if (analysis.source.document?.uri.toString() !== document.uri.toString()) continue;
      analysis.tracked?.apply(contentChanges, textIn(document));
      this.refresh(analysis);
    }
    if (this.shown?.source.document?.uri.toString() === document.uri.toString()) this.changed.fire();
  }

  /** Edits that were discarded when the document was closed are not in it any more. */
  private opened(document: vscode.TextDocument): void {
    const about = this.history.filter((a) => a.source.document?.uri.toString() === document.uri.toString());
    if (about.length === 0) return;
    about.forEach((analysis) => this.refresh(analysis));
    this.changed.fire();
  }

  private refresh(analysis: Analysis): void {
    const document = documentOf(analysis);
    analysis.stale = document !== undefined && analysis.tracked?.isStale(textIn(document)) === true;
  }

  private dropClosed(): void {
    const closed = this.history.filter((a) => !this.checkpoints.at(a.checkpoint.path));
    if (closed.length === 0) return;
    closed.forEach((a) => this.forget(a));
    if (!this.shown || !closed.includes(this.shown)) return this.fire();
    const [next] = this.history;
    if (next) return this.show(next);
    this.shown = undefined;
    this.fire();
  }

  private forget(analysis: Analysis): void {
    this.history.splice(this.history.indexOf(analysis), 1);
    this.closeInEngine(analysis);
  }

  private closeInEngine({ info }: Analysis): void {
    void this.engine.request('closeAnalysis', { analysisId: info.id }).catch(() => undefined);
  }

  private fire(): void {
    void vscode.commands.executeCommand('setContext', 'circuitscope.analysis', this.shown !== undefined);
    this.changed.fire();
  }

  dispose(): void {
    this.disposables.forEach((d) => d.dispose());
  }
}
