/** What the real engine says about the samples `neox-6l` and `mlsae-neox-6l-x16-k16` on the design's text. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { engineParts } from '../../../src/engine/parts';
import { createService, type EngineHandlers } from '../../../src/engine/service';
import type { AnalysisInfo } from '../../../src/protocol/analysis';
import type { CheckpointInfo } from '../../../src/protocol/checkpoint';
import type { SaeInfo } from '../../../src/protocol/latents';
import type { LatentCard } from '../../../src/protocol/latents/card';
import type { CorpusSummary, LatentExamples } from '../../../src/protocol/latents/corpus';
import type { Splice, Steering } from '../../../src/protocol/latents/effects';
import type { Encoding } from '../../../src/protocol/latents/encoding';

/** The latent of the design's pictures. */
export const LATENT = 604;

export interface SaeData {
  checkpoint: CheckpointInfo;
  sae: SaeInfo;
  text: string;
  analysis: AnalysisInfo;
  encoding: Encoding;
  card: LatentCard;
  /** Latent 604 at layer 3: added 4 times, and ablated. */
  added: Steering;
  ablated: Steering;
  splice: Splice;
  /** Of the texts of the sample workspace. */
  corpus: CorpusSummary;
  examples: LatentExamples;
}

/** Of the sample workspace. */
const TEXTS = ['fox.md', 'story.txt', 'src/total.ts'];

/** Runs the engine once; some seconds. `root`: of the repository. */
export async function readSaeData(root: string): Promise<SaeData> {
  const engine: EngineHandlers = createService(engineParts(() => undefined));
  const context = { steps: { step: () => Promise.resolve() } };
  const inRoot = (file: string): string => path.join(root, file);
  const checkpoint = await engine.openCheckpoint({ path: inRoot('samples/neox-6l'), providers: ['cpu'] }, context);
  const checkpointId = checkpoint.id;
  const sae = await engine.openSae({ checkpointId, path: inRoot('samples/mlsae-neox-6l-x16-k16') }, context);
  const of = { saeId: sae.id };
  const reference = inRoot('test/fixtures/reference/mlsae-neox-6l-x16-k16/reference.json');
  const { prompts } = JSON.parse(readFileSync(reference, 'utf8')) as { prompts: { text: string }[] };
  const { text } = prompts[0]!;
  const analysis = await engine.analyze({ checkpointId, text, topK: 5 }, context);
  const ids = analysis.tokens.map(({ id }) => id);
  const steering = { ...of, ids, latent: LATENT, layer: 3, topK: 5 };
  const dir = mkdtempSync(path.join(tmpdir(), 'circuitscope-sweep-'));
  const sweep = { corpus: { folder: inRoot('samples/workspace'), globs: TEXTS }, out: dir };
  const data: SaeData = {
    checkpoint,
    sae,
    text,
    analysis,
    encoding: await engine.encode({ ...of, ids }, context),
    card: await engine.latentCard({ ...of, latent: LATENT, top: 10 }, context),
    added: await engine.steer({ ...steering, edit: { kind: 'add', factor: 4 } }, context),
    ablated: await engine.steer({ ...steering, edit: { kind: 'ablate' } }, context),
    splice: await engine.splice({ ...of, ids }, context),
    corpus: await engine.sweep({ ...of, ...sweep }, context),
    examples: await engine.latentExamples({ ...of, dir, latent: LATENT }, context),
  };
  rmSync(dir, { recursive: true });
  await engine.closeCheckpoint({ checkpointId }, context);
  return data;
}
