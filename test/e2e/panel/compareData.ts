/** What the real engine says about two “steps” of the sample `neox-6l`, read with its autoencoder, on the design's text. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { engineParts } from '../../../src/engine/parts';
import { createService, type EngineHandlers } from '../../../src/engine/service';
import { writeSteps } from '../../support/trainingSteps';
import type { CompareData } from './compareTypes';

/** Of the weights of queries, keys and values. */
const SHARES = [0.4, 1];
const STEPS = 12;

/** Runs the engine once. `root`: of the repository. */
export async function readCompareData(root: string): Promise<CompareData> {
  const engine: EngineHandlers = createService(engineParts(() => undefined));
  const context = { steps: { step: () => Promise.resolve() } };
  const inRoot = (file: string): string => path.join(root, file);
  const open = (folder: string) => engine.openCheckpoint({ path: folder, providers: ['cpu'] }, context);
  const [first, second] = writeSteps(inRoot('samples/neox-6l'), SHARES);
  const [a, b] = [await open(first!), await open(second!)];
  const two = { a: a.id, b: b.id };
  const sae = await engine.openSae({ checkpointId: b.id, path: inRoot('samples/mlsae-neox-6l-x16-k16') }, context);
  const reference = inRoot('test/fixtures/reference/mlsae-neox-6l-x16-k16/reference.json');
  const { prompts } = JSON.parse(readFileSync(reference, 'utf8')) as { prompts: { text: string }[] };
  const { tokens } = await engine.analyze({ checkpointId: a.id, text: prompts[0]!.text, topK: 5 }, context);
  const ids = tokens.map(({ id }) => id);
  const refs = Array.from({ length: a.nLayers * a.nHeads }, (_, i) => ({
    layer: Math.floor(i / a.nHeads),
    head: i % a.nHeads,
  }));
  const heads = [];
  for (const head of refs) heads.push(await engine.comparePattern({ ...two, ids, head }, context));
  const data: CompareData = {
    view: {
      ...{ a, b, open: 'a', sae: sae.label, notices: [] },
      prompt: { name: 'total.ts:4–9', tokens, stale: false },
    },
    heads,
    patterns: await engine.comparePatterns({ ...two, ids }, context),
    scores: await engine.compareHeadScores(two, context),
    composition: await engine.compareComposition(two, context),
    latents: await engine.compareLatents({ ...two, ids, saeId: sae.id, top: 50 }, context),
    tokens: await engine.compareNextTokens({ ...two, ids, topK: 3 }, context),
    steps: {
      current: 0,
      steps: Array.from({ length: STEPS }, (_, i) => ({ step: (i + 1) * 1000, name: `step${(i + 1) * 1000}` })),
    },
  };
  for (const checkpointId of [a.id, b.id]) await engine.closeCheckpoint({ checkpointId }, context);
  return data;
}
