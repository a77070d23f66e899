/** `npm run bench -- attention`: the forward pass of GPT-2 small's shape, beside PyTorch with hooks on the same weights. */
import type { Checkpoint } from '../../src/engine/checkpoint/checkpoint';
import { openCheckpoint } from '../../src/engine/checkpoint/open';
import { expandHooks } from '../../src/engine/graph/hooks';
import { createRunner } from '../../src/engine/runtime/runner';
import { heldSources, ROW_BLOCKS, rowBounds } from '../../src/engine/runtime/patternRows';
import type { ModelRunner } from '../../src/engine/runtime/types';
import { asEngine } from './support/asEngine';
import { bench, inTurn, median, timed, type Measure } from './support/measure';
import { GPT2_SMALL, idsOf, writeGpt2 } from './support/models';
import { needed, Torch } from './support/torch';

interface Answer {
  ms: number;
  checks: Record<string, number>;
  threads: number;
  version: string;
}

interface Context {
  checkpoint: Checkpoint;
  runner: ModelRunner;
  /** For other requests: one runner does not keep two sets of sessions of this size. */
  other: ModelRunner;
  torch: Torch<Answer> | undefined;
}

const { dModel, nLayers, dVocab, nHeads } = GPT2_SMALL;
const EVERYTHING = ['blocks.*.attn.hook_pattern', 'blocks.*.hook_resid_post', 'logits'];

/** What a head's pattern holds. PyTorch makes it whole: n². */
const sourcesOf = (n: number): number => heldSources(rowBounds(n, n < ROW_BLOCKS.from ? 1 : ROW_BLOCKS.blocks));
/** Products of the forward pass. */
const flopOf = (n: number): number =>
  2 * (nLayers * (12 * n * dModel ** 2 + 2 * sourcesOf(n) * dModel) + n * dModel * dVocab);
/** Patterns, residuals and logits: made once and copied out once. */
const bytesOf = (n: number): number => 8 * (nLayers * (nHeads * sourcesOf(n) + n * dModel) + n * dVocab);

const everything = (n: number): Measure<Context> => ({
  name: `forward with all patterns, residuals and logits, ${n} tokens`,
  unit: 'ms',
  beside: 'PyTorch with hooks',
  goal: { of: 'ratio', most: 0.85 },
  run: async ({ checkpoint, runner, other, torch }) => {
    const peer = needed(torch);
    const [ids, hooks] = [idsOf(n), expandHooks(checkpoint.description, EVERYTHING)];
    await sameNumbers(runner, peer, ids, hooks);
    const rounds = await inTurn({
      ours: () => timed(() => runner.run({ ids, hooks })),
      logits: () => timed(() => other.run({ ids, hooks: ['logits'] })),
      torch: async () => (await peer.run({ work: 'forward', ids })).ms,
      plain: async () => (await peer.run({ work: 'plain', ids })).ms,
    });
    const ms = (name: 'logits' | 'plain'): string => `${rounds.of(name).toFixed(0)} ms`;
    return {
      value: rounds.of('ours'),
      besideValue: rounds.of('torch'),
      ratio: rounds.ratio('ours', 'torch'),
      note: `logits only ${ms('logits')} beside ${ms('plain')}; ${peer.name}`,
      flop: flopOf(n),
      bytes: bytesOf(n),
    };
  },
});

/** @throws when PyTorch computes something else */
async function sameNumbers(runner: ModelRunner, torch: Torch<Answer>, ids: number[], hooks: string[]): Promise<void> {
  const { checks } = await torch.run({ work: 'forward', ids, check: true });
  const ours = await runner.run({ ids, hooks });
  for (const [name, theirs] of Object.entries(checks)) {
    const { data } = ours.hooks[name]!;
    const mean = data.reduce((sum, value) => sum + Math.abs(value), 0) / data.length;
    if (Math.abs(mean - theirs) > 1e-4 * theirs) throw new Error(`${name}: PyTorch’s mean is ${theirs}, ours ${mean}`);
  }
}

const oneLayer = (layer: number, name: string): Measure<Context> => ({
  name: `patterns of the ${name} layer only, 512 tokens`,
  unit: 'ms',
  beside: 'the full run',
  // the blocks before the last have a quarter less to do for what nobody asks: cost follows the layers
  goal: { of: 'ratio', most: Math.min(1, 0.1 + (layer + 1) / nLayers) },
  run: async ({ checkpoint, runner, other }) => {
    const ids = idsOf(512);
    const of = (by: ModelRunner, hooks: string[]) => (): Promise<number> => timed(() => by.run({ ids, hooks }));
    const rounds = await inTurn(
      {
        one: of(other, [`blocks.${layer}.attn.hook_pattern`]),
        all: of(runner, expandHooks(checkpoint.description, EVERYTHING)),
      },
      { rounds: 5, seconds: 8 },
    );
    const [value, besideValue] = [median(rounds.times.one), median(rounds.times.all)];
    return { value, besideValue, ratio: rounds.ratio('one', 'all'), note: `${layer + 1} of ${nLayers} layers run` };
  },
});

asEngine(() =>
  bench<Context>(
    [
      ...[128, 512, 1024].map(everything),
      oneLayer(0, 'first'),
      oneLayer(Math.floor(nLayers / 2) - 1, 'middle'),
      oneLayer(nLayers - 1, 'last'),
    ],
    async () => {
      const folder = await writeGpt2();
      const checkpoint = await openCheckpoint(folder);
      const create = (): Promise<ModelRunner> => createRunner(checkpoint, { providers: ['cpu'], log: () => undefined });
      return {
        checkpoint,
        runner: await create(),
        other: await create(),
        torch: Torch.start('forward_torch.py', { args: [folder, nHeads] }),
      };
    },
    async ({ runner, other, torch }) => {
      torch?.stop();
      await runner.dispose();
      await other.dispose();
    },
  ),
);
