/** `npm run bench -- attention`: the forward pass of GPT-2 small's shape, beside PyTorch with hooks on the same weights. */
import type { Checkpoint } from '../../src/engine/checkpoint/checkpoint';
import { openCheckpoint } from '../../src/engine/checkpoint/open';
import { expandHooks } from '../../src/engine/graph/hooks';
import { createRunner } from '../../src/engine/runtime/runner';
import { heldSources, rowBlocks, rowBounds } from '../../src/engine/runtime/patternRows';
import type { ModelRunner } from '../../src/engine/runtime/types';
import { asEngine } from './support/asEngine';
import { bench, inTurn, joinedRounds, median, timed, type Measure, type Rounds } from './support/measure';
import { GPT2_SMALL, idsOf, writeGpt2 } from './support/models';
import { needed, Torch, type TorchOptions } from './support/torch';

interface Answer {
  ms: number;
  checks: Record<string, number>;
  threads: number;
  version: string;
}

interface Context {
  folder: string;
  checkpoint: Checkpoint;
  runner: ModelRunner;
  /** For other requests: one runner does not keep two sets of sessions of this size. */
  other: ModelRunner;
}

/** Waits of 10,000 rounds are slower, of a million as fast, and then beside it nothing else runs well. */
const SPINNING = { OMP_WAIT_POLICY: 'active', GOMP_SPINCOUNT: '100000' };

const startTorch = (folder: string, env?: TorchOptions['env']): Torch<Answer> | undefined =>
  Torch.start('forward_torch.py', { args: [folder, GPT2_SMALL.nHeads], ...(env && { env }) });

const runnerOf = (checkpoint: Checkpoint): Promise<ModelRunner> =>
  createRunner(checkpoint, { providers: ['cpu'], log: () => undefined });

const { dModel, nLayers, dVocab } = GPT2_SMALL;
const EVERYTHING = ['blocks.*.attn.hook_pattern', 'blocks.*.hook_resid_post', 'logits'];

/** What a head's pattern holds. PyTorch makes it whole: n². */
const sourcesOf = (n: number): number => heldSources(rowBounds(n, rowBlocks(n)));
/** Products of the forward pass. */
const flopOf = (n: number): number =>
  2 * (nLayers * (12 * n * dModel ** 2 + 2 * sourcesOf(n) * dModel) + n * dModel * dVocab);

/** Of what is compared, started anew: figures of the same code differ by a fifth from process to process. */
const STARTS = 3;
const AWAKE = 'the same PyTorch, its threads waiting awake';

const everything = (n: number): Measure<Context> => ({
  name: `forward with all patterns, residuals and logits, ${n} tokens`,
  unit: 'ms',
  beside: 'PyTorch with hooks',
  goal: { of: 'ratio', most: 0.85 },
  run: async (context) => {
    const all: Awaited<ReturnType<typeof beside>>[] = [];
    for (let start = 0; start < STARTS; start++) all.push(await beside(context, n));
    const rounds = joinedRounds(all.map((one) => one.rounds));
    const few = joinedRounds(all.map((one) => one.few));
    const ms = (time: number): string => `${time.toFixed(0)} ms`;
    const byStart = all.map((one) => one.rounds.ratio('ours', 'torch').toFixed(2)).join(', ');
    return {
      value: rounds.of('ours'),
      besideValue: rounds.of('torch'),
      ratio: rounds.ratio('ours', 'torch'),
      note: [
        `started ${STARTS} times: ratios ${byStart}`,
        `logits only ${ms(few.of('logits'))} beside ${ms(few.of('plain'))}`,
        all[0]!.peer,
      ].join('; '),
      flop: flopOf(n),
      also: [
        {
          beside: AWAKE,
          value: rounds.of('ours'),
          besideValue: rounds.of('awake'),
          ratio: rounds.ratio('ours', 'awake'),
        },
      ],
    };
  },
});

/** Both started, checked and run in turn. */
async function beside(
  { checkpoint, folder }: Context,
  n: number,
): Promise<{ rounds: Rounds<'ours' | 'torch' | 'awake'>; few: Rounds<'logits' | 'plain'>; peer: string }> {
  const [ids, hooks] = [idsOf(n), expandHooks(checkpoint.description, EVERYTHING)];
  const [runner, other] = [await runnerOf(checkpoint), await runnerOf(checkpoint)];
  const [peer, awake] = [needed(startTorch(folder)), needed(startTorch(folder, SPINNING))];
  try {
    await sameNumbers(runner, peer, ids, hooks);
    const of = (by: Torch<Answer>, work: string) => async (): Promise<number> => (await by.run({ work, ids })).ms;
    const rounds = await inTurn(
      {
        awake: of(awake, 'forward'),
        ours: () => timed(() => runner.run({ ids, hooks })),
        torch: of(peer, 'forward'),
      },
      { rounds: 7, seconds: 14, turns: true },
    );
    const logits = { logits: () => timed(() => other.run({ ids, hooks: ['logits'] })), plain: of(peer, 'plain') };
    const few = await inTurn(logits, { rounds: 3, warm: 1 });
    return { rounds, few, peer: peer.name };
  } finally {
    for (const each of [peer, awake]) each.stop();
    for (const each of [runner, other]) await each.dispose();
  }
}

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
      return { folder, checkpoint, runner: await runnerOf(checkpoint), other: await runnerOf(checkpoint) };
    },
    async ({ runner, other }) => {
      await runner.dispose();
      await other.dispose();
    },
  ),
);
