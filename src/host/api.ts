import * as path from 'node:path';
import * as vscode from 'vscode';
import type { AnalysisInfo } from '../protocol/analysis';
import type {
  ApiAnalysis,
  ApiAnalyzeOptions,
  ApiCheckpoint,
  ApiCheckpointInfo,
  ApiLatents,
  ApiOptions,
  ApiText,
  CircuitscopeApi,
} from '../protocol/api';
import { headName, type CheckpointInfo } from '../protocol/checkpoint';
import type { PatternParams } from '../protocol/engine';
import { sourceOf, type Analyses, type Analysis, type Source } from './analyses';
import { providers, type Checkpoints } from './checkpoints';
import type { Circuits } from './circuits';
import type { RequestOptions } from './engineClient';
import { isGone, type EngineService } from './engineService';
import type { Latents } from './latents';

export interface ApiParts {
  engine: EngineService;
  checkpoints: Checkpoints;
  analyses: Analyses;
  circuits: Circuits;
  latents: Latents;
}

/** The extension's exports, over the same parts as the panels. */
export class Api implements vscode.Disposable {
  private readonly analyzed = new vscode.EventEmitter<ApiAnalysis>();
  private readonly disposables: vscode.Disposable[];

  constructor(private readonly parts: ApiParts) {
    const { analyses } = parts;
    let last = analyses.current?.source;
    this.disposables = [
      this.analyzed,
      analyses.onDidChange(() => {
        const { current } = analyses;
        // run again by the engine's loss, or edited: the same analysis
        if (current?.source === last) return;
        last = current?.source;
        if (current) this.analyzed.fire(this.shown(current));
      }),
    ];
  }

  get exports(): CircuitscopeApi {
    const { parts } = this;
    const handleOf = (): ApiCheckpoint | undefined => parts.checkpoints.active && this.handle(parts.checkpoints.active);
    return {
      version: 1,
      openCheckpoint: (target) => this.openCheckpoint(target),
      get activeCheckpoint() {
        return handleOf();
      },
      analyze: (checkpoint, text, options = {}) => this.analyze(checkpoint, text, options),
      onDidAnalyze: (listener) => this.analyzed.event(listener),
      headScores: async (checkpoint, options) =>
        (await parts.circuits.scores(this.open(checkpoint), requestOptions(options))).heads.map((score) => ({
          ...score,
        })),
      composition: async (checkpoint, options) => {
        const composition = await parts.circuits.composition(this.open(checkpoint), requestOptions(options));
        const { nLayers, nHeads, scores, baseline } = composition;
        return { nLayers, nHeads, scores: { ...scores }, baseline: { ...baseline } };
      },
      latents: (analysis, sae, options) => this.latents(analysis, sae, options),
    };
  }

  private async openCheckpoint(target: string): Promise<ApiCheckpoint> {
    const { engine, checkpoints } = this.parts;
    const known = checkpoints.at(path.resolve(target));
    if (known) return this.handle(known);
    await engine.whenReady();
    const info = await engine.request('openCheckpoint', { path: path.resolve(target), providers: providers() });
    const same = checkpoints.at(info.path);
    if (same) {
      // a file of a folder that is open, or opened meanwhile
      void engine.request('closeCheckpoint', { checkpointId: info.id }).catch(() => undefined);
      return this.handle(same);
    }
    checkpoints.adopt(info);
    return this.handle(info, async () => {
      const open = checkpoints.at(info.path);
      if (open) await checkpoints.close(open);
    });
  }

  private handle(info: CheckpointInfo, close: () => Promise<void> = async () => undefined): ApiCheckpoint {
    return { id: info.path, info: infoOf(info), close };
  }

  /** As the engine knows it now. */
  private open({ id, info }: ApiCheckpoint): CheckpointInfo {
    const open = this.parts.checkpoints.at(id);
    if (!open) throw new Error(`${info.name} is no longer open: open it again.`);
    return open;
  }

  private async analyze(checkpoint: ApiCheckpoint, text: ApiText, options: ApiAnalyzeOptions): Promise<ApiAnalysis> {
    const { analyses } = this.parts;
    const source = sourceFrom(text);
    if (options.show) {
      let why = `Analyzing ${source.name} was cancelled.`;
      const analysis = await analyses.run(this.open(checkpoint), source, (message) => (why = message));
      if (!analysis) throw new Error(why);
      return this.shown(analysis);
    }
    const info = await this.run(checkpoint, source, options);
    return this.analysisOf(checkpoint, source.name, { info, again: () => this.run(checkpoint, source, options) });
  }

  private async run(
    checkpoint: ApiCheckpoint,
    { text, ids }: Source,
    options: ApiAnalyzeOptions,
  ): Promise<AnalysisInfo> {
    await this.parts.engine.whenReady();
    const { maxTokens, topPredictions } = options;
    const settings = vscode.workspace.getConfiguration('circuitscope');
    const params = {
      checkpointId: this.open(checkpoint).id,
      ...(ids ? { ids } : { text }),
      maxTokens: maxTokens ?? settings.get('maxTokens', 1024),
      topK: topPredictions ?? 5,
    };
    return this.parts.engine.request('analyze', params, requestOptions(options));
  }

  /** One that the panels hold: it is theirs to close. */
  private shown(analysis: Analysis): ApiAnalysis {
    const checkpoint = this.handle(analysis.checkpoint);
    const api = this.analysisOf(checkpoint, analysis.source.name, { info: analysis.info });
    api.pattern = async (layer, head, { weighting = 'pattern' } = {}) => {
      checkHead(analysis.info, layer, head);
      const matrix = await this.parts.analyses.matrix(analysis, {
        reduction: 'one',
        weighting,
        head: { layer, head },
      });
      return matrix.values.slice();
    };
    return api;
  }

  private analysisOf(checkpoint: ApiCheckpoint, sourceName: string, held: Held): ApiAnalysis {
    const { engine } = this.parts;
    const { tokens, nLayers, nHeads, surprisal, predictions, notices } = held.info;
    return {
      ...{ checkpoint, sourceName, nLayers, nHeads, surprisal },
      tokens: tokens.map(({ id, text, start, end }) => ({ id, text, start, end })),
      nextTokens: predictions,
      notices: [...notices],
      pattern: async (layer, head, { weighting = 'pattern' } = {}) => {
        checkHead(held.info, layer, head);
        const ask = (): Promise<{ values: Float32Array }> => {
          const params: PatternParams = {
            analysisId: held.info.id,
            reduction: 'one',
            weighting,
            head: { layer, head },
          };
          return engine.request('pattern', params);
        };
        const { values } = await ask().catch(async (error: unknown) => {
          if (held.disposed || !held.again || !isGone(error)) throw error;
          held.info = await held.again();
          return ask();
        });
        return values;
      },
      dispose: () => {
        // those of the panels stay
        if (held.disposed || !held.again) return;
        held.disposed = true;
        void engine.request('closeAnalysis', { analysisId: held.info.id }).catch(() => undefined);
      },
    };
  }

  private async latents(analysis: ApiAnalysis, sae: string, options?: ApiOptions): Promise<ApiLatents> {
    const { engine, latents } = this.parts;
    const checkpoint = this.open(analysis.checkpoint);
    const ids = analysis.tokens.map(({ id }) => id);
    const at = path.resolve(sae);
    const known = latents.allOf(checkpoint).find((each) => each.path === at);
    const own = known ? undefined : await engine.request('openSae', { checkpointId: checkpoint.id, path: at });
    try {
      const encoding = known
        ? await latents.ask('encode', known, { ids }, requestOptions(options))
        : await engine.request('encode', { saeId: own!.id, ids }, requestOptions(options));
      const { nLatents, layers, k, indices, values, perLayer } = encoding;
      return { nLatents, layers, k, indices, values, fvu: perLayer.map(({ fvu }) => fvu) };
    } finally {
      if (own) void engine.request('closeSae', { saeId: own.id }).catch(() => undefined);
    }
  }

  dispose(): void {
    this.disposables.forEach((d) => d.dispose());
  }
}

interface Held {
  /** Replaced when the engine had to run it again. */
  info: AnalysisInfo;
  /** Absent: the panels hold it. */
  again?: () => Promise<AnalysisInfo>;
  disposed?: boolean;
}

const requestOptions = (options?: ApiOptions): RequestOptions =>
  options?.token ? { token: options.token as vscode.CancellationToken } : {};

function sourceFrom(text: ApiText): Source {
  if (typeof text === 'string') return { name: 'prompt', text };
  if ('ids' in text) return { name: 'prompt', text: text.ids.join(', '), ids: [...text.ids] };
  const document = text.document as vscode.TextDocument;
  const { start, end } = text.range ?? {
    start: document.positionAt(0),
    end: document.positionAt(document.getText().length),
  };
  return sourceOf(document, new vscode.Range(start.line, start.character, end.line, end.character));
}

function checkHead({ nLayers, nHeads }: AnalysisInfo, layer: number, head: number): void {
  const inside = (value: number, count: number): boolean => Number.isInteger(value) && value >= 0 && value < count;
  if (!inside(layer, nLayers) || !inside(head, nHeads))
    throw new Error(`There is no head ${headName({ layer, head })} in this model.`);
}

const infoOf = (info: CheckpointInfo): ApiCheckpointInfo => {
  const { name, path: at, architecture, nLayers, nHeads, dModel, dHead, nCtx, dVocab, nParams, hasTokenizer } = info;
  const sizes = { nLayers, nHeads, dModel, dHead, nCtx, dVocab, nParams };
  return { name, path: at, architecture, ...sizes, hasTokenizer, provider: info.provider };
};
