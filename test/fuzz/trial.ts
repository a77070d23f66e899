/** What a person does with a checkpoint: open it, analyze a prompt, look at heads and circuits, open an autoencoder. */
import type { AnalysisInfo } from '../../src/protocol/analysis';
import type { CheckpointInfo } from '../../src/protocol/checkpoint';
import type { CircuitRequests } from '../../src/protocol/circuits';
import type { LatentRequests, SaeInfo } from '../../src/protocol/latents';
import type { EngineRequests } from '../../src/protocol/engine';
import type { WatchedEngine } from './engine';
import type { Target } from './mutant';
import type { Random } from './random';

/** How far it came. */
export type Outcome = 'refused' | 'opened';

const IDS = [1, 2, 3, 1, 2, 3, 1, 0];

interface OpenModel {
  info: CheckpointInfo;
  ids: number[];
}

type Params<R, M extends keyof R> = R[M] extends [infer P, unknown] ? P : never;
type Circuits = {
  [M in keyof CircuitRequests]: (model: OpenModel) => Omit<Params<CircuitRequests, M>, 'checkpointId'>;
};

const CIRCUITS: Circuits = {
  composition: () => ({ seed: 1 }),
  headCircuit: ({ info }) => ({ head: { layer: info.nLayers - 1, head: info.nHeads - 1 }, top: 5, tokens: [0] }),
  bigrams: () => ({ top: 5 }),
  headScores: () => ({ length: 6, batch: 2 }),
  inductionCircuits: () => ({ length: 6, batch: 2, top: 3 }),
  lens: ({ ids }) => ({ ids, topK: 3 }),
  ablate: ({ ids }) => ({ ids, heads: [{ layer: 0, head: 0 }], mean: true }),
  patch: ({ ids }) => ({
    clean: { ids },
    corrupted: { ids: [...ids].reverse() },
    answer: { id: 0 },
    wrong: { id: ids[0]! },
  }),
  paths: ({ ids }) => ({ ids }),
  importance: ({ ids }) => ({ ids }),
};

type LatentMethod = 'encode' | 'latentCard' | 'mmcs' | 'steer' | 'splice';
type Latents = { [M in LatentMethod]: (sae: SaeInfo, ids: number[]) => Omit<Params<LatentRequests, M>, 'saeId'> };

const LATENTS: Latents = {
  encode: (_, ids) => ({ ids }),
  latentCard: ({ nLatents }) => ({ latent: nLatents - 1, top: 5 }),
  mmcs: () => ({}),
  steer: ({ layers }, ids) => ({ ids, latent: 0, layer: layers[0]!, edit: { kind: 'add', factor: 3 } }),
  splice: (_, ids) => ({ ids }),
};

const keysOf = <T extends object>(table: T): (keyof T)[] => Object.keys(table) as (keyof T)[];

/** @throws Problem */
export async function tryMutant(engine: WatchedEngine, target: Target, random: Random): Promise<Outcome> {
  await engine.ask('findCheckpoints', { roots: [target.model] });
  const info = await open(engine, target);
  if (!info) return 'refused';
  const ids = IDS.map((id) => id % info.dVocab).slice(0, info.nCtx);
  const outcome = target.sae
    ? await trySae(engine, target.sae, { info, ids }, random)
    : await tryModel(engine, target, { info, ids }, random);
  if (!target.sharedModel) await engine.ask('closeCheckpoint', { checkpointId: info.id });
  return outcome;
}

async function open(engine: WatchedEngine, { model, sharedModel }: Target): Promise<CheckpointInfo | undefined> {
  const kept = engine.kept.get(model);
  if (kept) return kept;
  const answer = await engine.ask('openCheckpoint', { path: model, providers: ['cpu'] });
  if (!('result' in answer)) return undefined;
  if (sharedModel) engine.kept.set(model, answer.result);
  return answer.result;
}

async function tryModel(
  engine: WatchedEngine,
  { texts, circuits = 2 }: Target,
  model: OpenModel,
  random: Random,
): Promise<Outcome> {
  const { id: checkpointId, hasTokenizer } = model.info;
  const prompts = hasTokenizer ? texts.map((text) => ({ text })) : [{ ids: model.ids }];
  for (const prompt of prompts) {
    const answer = await engine.ask('analyze', { checkpointId, ...prompt, topK: 3, maxTokens: 200 });
    if ('result' in answer && circuits > 0) await lookAt(engine, answer.result, random);
  }
  for (const method of random.some(keysOf(CIRCUITS), circuits)) {
    const params = { checkpointId, ...CIRCUITS[method](model) } as EngineRequests[typeof method][0];
    await engine.ask(method, params);
  }
  return 'opened';
}

async function lookAt(engine: WatchedEngine, { id, nLayers, tokens }: AnalysisInfo, random: Random): Promise<void> {
  const analysisId = id;
  const weighting = random.pick(['pattern', 'value-weighted'] as const);
  if (nLayers > 0) {
    await engine.ask('pattern', { analysisId, reduction: 'one', weighting, head: { layer: nLayers - 1, head: 0 } });
    await engine.ask('pattern', { analysisId, reduction: 'max', weighting });
    await engine.ask('thumbnails', { analysisId, weighting, size: 16 });
  }
  await engine.ask('sources', { analysisId, destination: tokens.length - 1, k: 3 });
  await engine.ask('closeAnalysis', { analysisId });
}

async function trySae(
  engine: WatchedEngine,
  { path, tunedLens }: NonNullable<Target['sae']>,
  { info, ids }: OpenModel,
  random: Random,
): Promise<Outcome> {
  await engine.ask('findSaes', { roots: [path] });
  const params = { checkpointId: info.id, path, ...(tunedLens !== undefined && { tunedLens }) };
  const answer = await engine.ask('openSae', params);
  if (!('result' in answer)) return 'refused';
  const sae = answer.result;
  for (const method of ['encode' as const, ...random.some(keysOf(LATENTS), 2)])
    await engine.ask(method, { saeId: sae.id, ...LATENTS[method](sae, ids) } as EngineRequests[typeof method][0]);
  await engine.ask('closeSae', { saeId: sae.id });
  return 'opened';
}
