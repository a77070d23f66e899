/** What a provider makes of a real model, beside the CPU: every hook, the next tokens, an autoencoder, composition. */
import type { Checkpoint } from './checkpoint/checkpoint';
import { InputError } from './checkpoint/errors';
import { openCheckpoint } from './checkpoint/open';
import type { OpenModel } from './circuitHandlers';
import { compositionScores } from './circuits/composition';
import { folds } from './circuits/weightNotices';
import { hookNames } from './graph/hooks';
import { encodeIds } from './mlsae/encodePrompt';
import { openSae } from './mlsae/open';
import { createSaeRunner } from './mlsae/runner';
import type { Sae } from './mlsae/sae';
import { differ } from './runtime/probeGraph';
import { runnerOn } from './runtime/runner';
import type { Steps } from './runtime/types';

/** DESIGN, “How good”. */
const BARS = { forward: 1e-4, encode: 1e-4, composition: 1e-3 };
type What = keyof typeof BARS;

const TOKENS = 64;
const TOP_K = 5;

export interface CheckedPart {
  what: What;
  /** From the CPU's values over their largest, of the worst array, and which one that is; null: not finite where the CPU is. */
  difference: number | null;
  worst: string;
  bar: number;
  /** ms of the second run, when everything is loaded. */
  ms: number;
  cpuMs: number;
}

export interface Check {
  parts: CheckedPart[];
  /** One sentence for each part that this model does not have. */
  skipped: string[];
}

export const passes = ({ parts }: Check): boolean =>
  parts.every(({ difference, bar }) => difference !== null && difference <= bar);

type Arrays = Record<string, ArrayLike<number>>;
const noSteps: Steps = { step: async () => undefined };

/**
 * @param saePath an autoencoder of the model
 * @throws InputError for files that cannot be opened; what the provider throws
 */
export async function checkProvider(provider: string, path: string, saePath: string | undefined): Promise<Check> {
  const checkpoint = await openCheckpoint(path);
  const sae = saePath === undefined ? undefined : await openSae(saePath, checkpoint);
  const [own, cpu] = [provider, 'cpu'].map((name) => ({ checkpoint, runner: runnerOn(checkpoint, name) }));
  const ids = promptIds(checkpoint);
  const work: Record<What, ((model: OpenModel) => Promise<Arrays>) | undefined> = {
    forward: (model) => forward(model, ids),
    encode: sae && ((model) => encode(model, sae, ids)),
    composition: composition,
  };
  const skipped = sae ? [] : ['encode: no autoencoder was given'];
  const parts: CheckedPart[] = [];
  for (const what of Object.keys(BARS) as What[]) {
    const run = work[what];
    if (!run) continue;
    try {
      parts.push(compared(what, await timed(() => run(own!)), await timed(() => run(cpu!))));
    } catch (error) {
      // a foreign model may lack the weights; whatever else a provider throws is its failure
      if (!(error instanceof InputError)) throw error;
      skipped.push(`${what}: ${error.message}`);
    }
  }
  await Promise.all([own!.runner.dispose(), cpu!.runner.dispose()]);
  return { parts, skipped };
}

/** Ids that repeat, so that attention has something to find. */
const promptIds = ({ description: { nCtx, dVocab } }: Checkpoint): number[] =>
  Array.from({ length: Math.min(nCtx, TOKENS) }, (_, i) => ((i % 24) ** 2 * 5 + 3) % dVocab);

async function forward({ checkpoint, runner }: OpenModel, ids: number[]): Promise<Arrays> {
  const { hooks, next } = await runner.run({ ids, hooks: hookNames(checkpoint.description), topK: TOP_K });
  const data = Object.entries(hooks).map(([name, hook]) => [name, hook.data]);
  return { ...Object.fromEntries(data), 'next.logProbs': next!.logProbs, 'next.tokenLogProbs': next!.tokenLogProbs };
}

async function encode(model: OpenModel, sae: Sae, ids: number[]): Promise<Arrays> {
  const saeRunner = createSaeRunner(sae, model.runner.provider);
  try {
    const { encoded } = await encodeIds({ sae, saeRunner, model }, ids, noSteps, { recons: true });
    // not the latents' numbers: two that are equally active may change places
    return {
      'latents’ values': encoded.values,
      reconstructions: encoded.recons!,
      L0: encoded.l0,
      scale: encoded.scale,
    };
  } finally {
    await saeRunner.dispose();
  }
}

const composition = async (model: OpenModel): Promise<Arrays> =>
  ({ ...(await compositionScores(model, folds(model.checkpoint.description), noSteps)) }) as Arrays;

interface Timed {
  arrays: Arrays;
  ms: number;
}

async function timed(work: () => Promise<Arrays>): Promise<Timed> {
  await work();
  const start = performance.now();
  const arrays = await work();
  return { arrays, ms: performance.now() - start };
}

function compared(what: What, own: Timed, cpu: Timed): CheckedPart {
  let [worst, difference] = ['', -1];
  for (const [name, values] of Object.entries(cpu.arrays)) {
    const off = differ(own.arrays[name] ?? [], values);
    if (off > difference) [worst, difference] = [name, off];
  }
  return {
    what,
    difference: Number.isFinite(difference) ? Math.max(0, difference) : null,
    worst,
    bar: BARS[what],
    ms: own.ms,
    cpuMs: cpu.ms,
  };
}
