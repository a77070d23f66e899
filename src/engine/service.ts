/** The engine's requests as functions over open checkpoints and finished analyses. `server.ts` puts them on the wire. */
import * as l10n from '@vscode/l10n';
import { randomBytes } from 'node:crypto';
import type { AnalysisInfo } from '../protocol/analysis';
import { headName } from '../protocol/checkpoint';
import type { CheckpointCandidate, CheckpointInfo, HeadRef } from '../protocol/checkpoint';
import type { AnalyzeParams, EngineMethod, EngineRequests, HookTensor, LogLine } from '../protocol/engine';
import type { OpenCheckpointParams } from '../protocol/engine';
import type { SaeCandidate } from '../protocol/latents';
import type { ResultRequests } from '../protocol/results';
import type { ToolRequests } from '../protocol/tools';
import { Analyses } from './analyses';
import type { Checkpoint } from './checkpoint/checkpoint';
import { InputError } from './checkpoint/errors';
import { exportTensors } from './circuits/export';
import { predictions, surprisalBits } from './circuits/nextToken';
import { patternMatrix, sourcesByLayer, thumbnails } from './circuits/pattern';
import type { Patterns } from './circuits/pattern';
import { circuitHandlers } from './circuitHandlers';
import type { OpenModel } from './circuitHandlers';
import { KeptRuns } from './compare/kept';
import { compareHandlers } from './compareHandlers';
import { describeCheckpoint, hasHook } from './describe';
import { GoneError } from './errors';
import { layerHook } from './graph/hooks';
import { interopHandlers } from './interopHandlers';
import { latentHandlers } from './latentHandlers';
import { checkNeeds } from './onnx/needs';
import { checkPatternMemory } from './memory';
import { OpenSaes } from './openSaes';
import type { SaeParts } from './openSaes';
import { readPrompt, tokenTextOf } from './prompt';
import { resultHandlers } from './results/handlers';
import { layerPattern } from './runtime/patternRows';
import type { ForwardResult, ModelRunner, Steps } from './runtime/types';
import { Serial } from './serial';
import { tensorHandlers } from './tensors/handlers';
import { toolHandlers } from './tools/handlers';
import type { OpenCheckpoint } from './tools/tool';
import { trainingHandlers } from './trainingHandlers';

/** What the service stands on; tests put fakes here. */
export interface ServiceParts extends SaeParts {
  openCheckpoint(path: string): Promise<Checkpoint>;
  findCheckpoints(roots: string[]): Promise<CheckpointCandidate[]>;
  findSaes(roots: string[]): Promise<SaeCandidate[]>;
  createRunner(
    checkpoint: Checkpoint,
    options: { providers: string[]; log: (line: LogLine) => void },
  ): Promise<ModelRunner>;
  writeSafetensors(
    file: string,
    tensors: Record<string, { shape: number[]; data: Float32Array }>,
  ): Promise<void> | void;
  runtime(): { onnxruntime: string; providers: string[] };
  log(line: LogLine): void;
  /** Bytes of patterns that are kept; the newest analysis is kept whatever its size. */
  analysisBudget?: number;
}

export interface RequestContext {
  steps: Steps;
}

export type EngineHandlers = {
  [M in EngineMethod]: (
    params: EngineRequests[M][0],
    context: RequestContext,
  ) => Promise<EngineRequests[M][1]> | EngineRequests[M][1];
};

const DEFAULT_ANALYSIS_BUDGET = 1.5e9;

export function createService(parts: ServiceParts): EngineHandlers {
  const checkpoints = new Map<string, OpenModel>();
  const analyses = new Analyses(parts.analysisBudget ?? DEFAULT_ANALYSIS_BUDGET);
  /** Whatever uses a runner: one at a time. */
  const model = new Serial();
  let lastId = 0;
  // the host keeps ids of an engine that died: they must name nothing in this one
  const lifetime = randomBytes(4).toString('hex');
  const newId = (prefix: string): string => `${prefix}${lifetime}-${++lastId}`;
  const saes = new OpenSaes(parts, () => newId('sae-'));
  const kept = new KeptRuns();

  function opened(id: string): OpenModel {
    const open = checkpoints.get(id);
    if (!open) throw new GoneError(l10n.t('This checkpoint is no longer open: open it again.'));
    return open;
  }

  async function openCheckpoint(
    { path, providers }: OpenCheckpointParams,
    { steps }: RequestContext,
  ): Promise<CheckpointInfo> {
    const start = performance.now();
    await steps.step(l10n.t('Reading the checkpoint'));
    const checkpoint = await parts.openCheckpoint(path);
    await steps.step(l10n.t('Loading {0}', checkpoint.name));
    const runner = await parts.createRunner(checkpoint, { providers, log: parts.log });
    // cancelled during the last step of loading: nobody will ever learn the id
    await steps.step(l10n.t('Loaded {0}', checkpoint.name), 1).catch(async (error: unknown) => {
      await runner.dispose();
      throw error;
    });
    const loadMs = performance.now() - start;
    const id = newId('checkpoint-');
    const open = { checkpoint, runner };
    checkpoints.set(id, open);
    return { ...describeOpen(id, open), loadMs };
  }

  async function closeCheckpoint({ checkpointId }: { checkpointId: string }): Promise<null> {
    const open = checkpoints.get(checkpointId);
    checkpoints.delete(checkpointId);
    analyses.deleteOf(checkpointId);
    await disposeWhenIdle([...saes.deleteOf(checkpointId), ...(open ? [open.runner] : [])]);
    if (open) kept.forget(open.runner);
    return null;
  }

  async function disposeWhenIdle(runners: { dispose(): Promise<void> }[]): Promise<null> {
    for (const runner of runners) await model.run(() => runner.dispose());
    return null;
  }

  async function analyze(params: AnalyzeParams, { steps }: RequestContext): Promise<AnalysisInfo> {
    const { checkpoint, runner } = opened(params.checkpointId);
    const { nLayers, nHeads } = checkpoint.description;
    const prompt = readPrompt(checkpoint, params);
    const ids = prompt.tokens.map(({ id }) => id);
    const layers = Array.from({ length: nLayers }, (_, layer) => layer);
    checkPatternMemory(ids.length, nLayers * nHeads);
    const hooks = layers
      .flatMap((layer) => [layerHook(layer, 'pattern'), layerHook(layer, 'valueNorm')])
      .filter((name) => hasHook(checkpoint, name));
    await steps.step(l10n.t('Running {0} tokens', ids.length));
    const predicts = checkpoint.foreign?.missing.logits === undefined;
    const result = await runner.run({ ids, hooks, glance: true, ...(predicts && { topK: params.topK }) }, steps);
    const set: Patterns = {
      n: ids.length,
      nHeads,
      patterns: layers.map((layer) => layerPattern(hookOf(result, layerHook(layer, 'pattern')))),
      // a foreign graph whose values were not found: weighted by them a pattern is itself
      valueNorms: layers.map(
        (layer) => result.hooks[layerHook(layer, 'valueNorm')]?.data ?? new Float32Array(nHeads * ids.length).fill(1),
      ),
    };
    opened(params.checkpointId); // may have been closed meanwhile
    const id = newId('analysis-');
    analyses.add(id, { ...set, checkpointId: params.checkpointId, tokens: prompt.tokens });
    return {
      id,
      checkpointId: params.checkpointId,
      ...prompt,
      nLayers,
      nHeads,
      provider: runner.provider,
      timings: { load: result.loadMs, run: result.runMs },
      surprisal: result.next ? surprisalBits(result.next) : new Float32Array(),
      predictions: result.next ? predictions(result.next, tokenTextOf(checkpoint)) : [],
    };
  }

  const handlers: Omit<EngineHandlers, keyof ToolRequests | keyof ResultRequests> = {
    ...circuitHandlers((id, method, task) => model.run(() => task(needing(method, opened(id))))),
    ...latentHandlers((id, method, task) =>
      model.run(async () => {
        const open = saes.get(id);
        needing(method, open.model);
        return task(open);
      }),
    ),
    ...compareHandlers({
      withTwo: ({ a, b }, method, task) =>
        model.run(() => task({ a: needing(method, opened(a)), b: needing(method, opened(b)) })),
      sae: (id) => saes.get(id),
      kept,
    }),
    ...interopHandlers({
      model: opened,
      withModel: (id, task) => model.run(() => task(opened(id))),
      analysis: (id) => analyses.get(id),
    }),
    ...trainingHandlers({
      withModel: (id, method, task) => model.run(() => task(needing(method, opened(id)))),
      alone: (task) => model.run(task),
    }),
    ...tensorHandlers(),
    version: () => ({ pid: process.pid, ...parts.runtime() }),
    findCheckpoints: ({ roots }) => parts.findCheckpoints(roots),
    openCheckpoint: (params, context) => model.run(() => openCheckpoint(params, context)),
    closeCheckpoint,
    findSaes: ({ roots }) => parts.findSaes(roots),
    openSae: (params, { steps }) =>
      model.run(async () => saes.open(needing('openSae', opened(params.checkpointId)), params, steps)),
    closeSae: ({ saeId }) => disposeWhenIdle(saes.delete(saeId)),
    analyze: (params, context) => model.run(() => analyze(params, context)),
    closeAnalysis: ({ analysisId }) => (analyses.delete(analysisId), null),
    // the rest is cheap, and may run between the steps of a model run
    pattern: ({ analysisId, ...request }) => {
      const set = analyses.get(analysisId);
      checkHead(set, request.head, request.reduction === 'one');
      return patternMatrix(set, request);
    },
    thumbnails: ({ analysisId, weighting, size }) => thumbnails(analyses.get(analysisId), weighting, size),
    sources: ({ analysisId, destination, k }) => {
      const set = analyses.get(analysisId);
      if (!set.tokens[destination]) throw new InputError(l10n.t('Token {0} is not in the prompt.', destination));
      return sourcesByLayer(set, destination, k);
    },
    exportPattern: async ({ analysisId, head, weighting, file }) => {
      const set = analyses.get(analysisId);
      checkHead(set, head, false);
      await parts.writeSafetensors(file, exportTensors(set, { head, weighting }));
      return null;
    },
  };
  const results = resultHandlers({ handlers, parts, model: opened, sae: (id) => saes.get(id).sae });
  const tools = toolHandlers({
    handlers: { ...handlers, ...results },
    checkpoints: () => [...checkpoints].map(([id, open]) => describeOpen(id, open)),
    saes: () => saes.all(),
    prompt: (id, input) => readPrompt(opened(id).checkpoint, input),
  });
  return { ...handlers, ...results, ...tools };
}

const describeOpen = (id: string, { checkpoint, runner }: OpenModel): OpenCheckpoint => {
  const { provider, providerNotes } = runner;
  return { id, ...describeCheckpoint(checkpoint), provider, providerNotes: [...providerNotes] };
};

/** @throws InputError when the model lacks what the request needs */
function needing(method: EngineMethod, model: OpenModel): OpenModel {
  checkNeeds(model.checkpoint, method);
  return model;
}

function hookOf({ hooks }: ForwardResult, name: string): HookTensor {
  const tensor = hooks[name];
  if (!tensor) throw new Error(`the run gave no ${name}`);
  return tensor;
}

function checkHead({ patterns, nHeads }: Patterns, head: HeadRef | undefined, needed: boolean): void {
  if (!head) {
    if (needed) throw new InputError(l10n.t('A head is needed.'));
    return;
  }
  const exists = patterns[head.layer] && Number.isInteger(head.head) && head.head >= 0 && head.head < nHeads;
  if (!exists) throw new InputError(l10n.t('There is no head {0} in this model.', headName(head)));
}
