/** `npm run bench -- engine`: what a person waits for, and the memory of it, through the real engine process. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openCheckpoint } from '../../src/engine/checkpoint/open';
import { heldSources, rowBlocks, rowBounds } from '../../src/engine/runtime/patternRows';
import { createRunner } from '../../src/engine/runtime/runner';
import { EngineClient } from '../../src/host/engineClient';
import { lagDuring } from './support/lag';
import { bench, inTurn, Skip, timed, type Measure } from './support/measure';
import { GPT2_SMALL, idsOf, writeGpt2 } from './support/models';
import { needed, Torch } from './support/torch';

interface Context {
  folder: string;
  engine: EngineClient;
  torch: Torch<{ ms: number; threads: number; version: string }> | undefined;
}

/** Longer than the engine waits before it packs weights. */
const IDLE_MS = 2000;

async function startEngine(): Promise<EngineClient> {
  const engine = new EngineClient(path.resolve('dist', 'engine.js'), () => undefined);
  await engine.start();
  return engine;
}

const open = (engine: EngineClient, folder: string): Promise<{ id: string; bytes: number }> =>
  engine.request('openCheckpoint', { path: folder, providers: ['cpu'] });

/** Analyzes, and fetches what the panel shows first. */
async function toHeatmap(engine: EngineClient, checkpointId: string, n: number): Promise<void> {
  const { id } = await engine.request('analyze', { checkpointId, ids: idsOf(n), topK: 5 });
  await Promise.all([
    engine.request('thumbnails', { analysisId: id, weighting: 'pattern', size: 84 }),
    engine.request('pattern', {
      analysisId: id,
      reduction: 'one',
      weighting: 'pattern',
      head: { layer: 5, head: 5 },
    }),
  ]);
  await engine.request('closeAnalysis', { analysisId: id });
}

/** From the file to what `ours` gives, beside PyTorch that reads the file and runs once; both have read it before. */
const opening = (
  what: string,
  goal: Measure<Context>['goal'],
  ours: (context: Context) => Promise<number>,
): Measure<Context> => ({
  name: `open a 498 MB checkpoint to ${what}, 128 tokens`,
  unit: 'ms',
  beside: 'PyTorch reading the same file (mapped) and running once',
  ...(goal && { goal }),
  run: async (context) => {
    const peer = needed(context.torch);
    const theirs = async (work: string): Promise<number> => (await peer.run({ work, ids: idsOf(128) })).ms;
    const works = { ours: () => ours(context), copied: () => theirs('copy'), torch: () => theirs('open') };
    const rounds = await inTurn(works, { seconds: 12 });
    return {
      value: rounds.of('ours'),
      besideValue: rounds.of('torch'),
      ratio: rounds.ratio('ours', 'torch'),
      note: `PyTorch with the weights copied, as load_state_dict does: ${rounds.of('copied').toFixed(0)} ms, ratio ${rounds.ratio('ours', 'copied').toFixed(2)}; ${peer.name}`,
    };
  },
});

/** All heads of the first layer; what comes after it is neither read nor run. */
async function firstPattern({ folder }: Context): Promise<number> {
  let close = async (): Promise<void> => undefined;
  const ms = await timed(async () => {
    const runner = await createRunner(await openCheckpoint(folder), { providers: ['cpu'], log: () => undefined });
    close = () => runner.dispose();
    await runner.run({ ids: idsOf(128), hooks: ['blocks.0.attn.hook_pattern'], glance: true });
  });
  await close();
  return ms;
}

/** All heads of all layers, next tokens, thumbnails and one head, through the engine's process. */
async function firstHeatmap({ folder, engine }: Context): Promise<number> {
  let id = '';
  const ms = await timed(async () => {
    ({ id } = await open(engine, folder));
    await toHeatmap(engine, id, 128);
  });
  await engine.request('closeCheckpoint', { checkpointId: id });
  return ms;
}

const warm: Measure<Context> = {
  name: 'prompt to heatmap, 128 tokens, warm',
  unit: 'ms',
  goal: { of: 'value', most: 300 },
  run: async ({ folder, engine }) => {
    const { id } = await open(engine, folder);
    await toHeatmap(engine, id, 128);
    await sleep(IDLE_MS);
    const rounds = await inTurn({ ours: () => timed(() => toHeatmap(engine, id, 128)) }, { seconds: 5 });
    return { value: rounds.of('ours') };
  },
};

const lag: Measure<Context> = {
  name: 'event-loop lag of the caller while 1024 tokens are opened and analyzed, p99',
  unit: 'ms',
  beside: 'the same without work',
  goal: { of: 'value', most: 20 },
  run: async ({ folder, engine }) => {
    const { p99: besideValue } = await lagDuring(() => sleep(IDLE_MS));
    const { p99, max } = await lagDuring(async () => {
      const { id } = await open(engine, folder);
      await toHeatmap(engine, id, 1024);
      await engine.request('closeCheckpoint', { checkpointId: id });
    });
    return { value: p99, besideValue, note: `largest ${max.toFixed(0)} ms` };
  },
};

/** Of an engine of its own. */
const memory = (n: number): Measure<Context> => ({
  name: `peak memory of the engine that opens and analyzes ${n} tokens, less the patterns, ÷ checkpoint`,
  unit: '×',
  goal: { of: 'value', most: 1.3 },
  run: async ({ folder }) => {
    const engine = await startEngine();
    const before = peakBytes(engine.pid!);
    const { id, bytes } = await open(engine, folder);
    for (let i = 0; i < 2; i++) {
      await toHeatmap(engine, id, n);
      await sleep(IDLE_MS);
    }
    const peak = peakBytes(engine.pid!);
    engine.dispose();
    const { nLayers, nHeads } = GPT2_SMALL;
    const asked = 4 * nLayers * nHeads * heldSources(rowBounds(n, rowBlocks(n)));
    const mb = (value: number): string => `${(value / 1e6).toFixed(0)} MB`;
    return {
      value: (peak - asked) / bytes,
      note: `${mb(peak)} at most, ${mb(asked)} of them patterns; ${mb(before)} before`,
    };
  },
});

function peakBytes(pid: number): number {
  try {
    return 1024 * Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  } catch {
    throw new Skip('only Linux says what the peak was');
  }
}

void bench<Context>(
  [
    opening('the first pattern', { of: 'ratio', most: 0.5 }, firstPattern),
    opening('the first heatmap of everything', undefined, firstHeatmap),
    warm,
    lag,
    memory(128),
    memory(1024),
  ],
  async () => {
    const folder = await writeGpt2();
    const torch = Torch.start<{ ms: number; threads: number; version: string }>('forward_torch.py', {
      args: [folder, GPT2_SMALL.nHeads],
    });
    return { folder, engine: await startEngine(), torch };
  },
  ({ engine, torch }) => {
    torch?.stop();
    engine.dispose();
  },
);
