/** `npm run bench -- sweep [TOKENS]`: tokens per second of a sweep over the project's own code, beside PyTorch doing the same. */
import path from 'node:path';
import { openCheckpoint } from '../../src/engine/checkpoint/open';
import { corpusFiles } from '../../src/engine/mlsae/corpus/files';
import { sequences } from '../../src/engine/mlsae/corpus/sequences';
import { sweep } from '../../src/engine/mlsae/corpus/sweep';
import { openSae } from '../../src/engine/mlsae/open';
import { createSaeRunner } from '../../src/engine/mlsae/runner';
import { createRunner } from '../../src/engine/runtime/runner';
import { bench, inTurn, timed, type Measure } from './support/measure';
import { PYTHIA_70M, scratchFolder, writeMlsae, writeNeox } from './support/models';
import { needed, Torch } from './support/torch';

const CONTEXT = 512;
const ASKED = Number(process.argv[2] ?? 0);
/** Sequences that PyTorch takes at once: fastest of 1, 4 and 16 here. */
const BATCH = 4;
const steps = { step: async (): Promise<void> => undefined };

interface Answer {
  ms: number;
  active: number;
  unexplained: number;
  threads: number;
  version: string;
}

interface Sizes {
  what: string;
  tokens: number;
  rounds: number;
  nHeads: number;
  k: number;
  model(): Promise<string>;
  sae(): Promise<string>;
}

const PAPER: Sizes = {
  what: 'Pythia-70m’s shape → 32,768 latents',
  tokens: ASKED || 8192,
  rounds: 3,
  nHeads: PYTHIA_70M.nHeads,
  k: 32,
  model: () => writeNeox(),
  sae: () => writeMlsae(PYTHIA_70M.dModel, 32_768, 32),
};

const measure = ({ what, tokens, rounds: most, nHeads, k, ...files }: Sizes): Measure<undefined> => ({
  name: `sweep of ${tokens} tokens, ${what}`,
  unit: 'tokens/s',
  beside: 'PyTorch doing the same',
  goal: { of: 'ratio', least: 1.3 },
  run: async () => {
    const [modelFolder, saeFolder] = [await files.model(), await files.sae()];
    const checkpoint = await openCheckpoint(modelFolder);
    const runner = await createRunner(checkpoint, { providers: ['cpu'], log: () => undefined });
    const sae = await openSae(saeFolder, checkpoint);
    const open = { sae, saeRunner: createSaeRunner(sae, runner.provider), model: { checkpoint, runner } };
    const globs = ['src/**/*.ts', 'webview/**/*.ts'];
    const corpus = { folder: process.cwd(), globs, maxTokens: tokens, context: CONTEXT };
    const ids: number[] = [];
    for await (const sequence of sequences(corpus, checkpoint, { files: await corpusFiles(corpus) }))
      ids.push(...sequence.ids);
    const torch = needed(
      Torch.start<Answer>('sweep_torch.py', { args: [modelFolder, saeFolder, nHeads, k, CONTEXT, BATCH] }),
    );
    const out = scratchFolder();
    let run = 0;
    let active = 0;
    const ours = async (): Promise<void> => {
      const { counts } = await sweep(open, { corpus, out: path.join(out, `${run++}`) }, steps);
      active = counts.reduce((a, b) => a + b, 0);
    };
    const theirs = async (): Promise<number> => {
      const answer = await torch.run(`${JSON.stringify(ids)}`);
      if (Math.abs(answer.active / active - 1) > 0.02)
        throw new Error(`PyTorch finds ${answer.active} active entries, we ${active}`);
      return answer.ms;
    };
    const rounds = await inTurn({ ours: () => timed(ours), theirs }, { rounds: most, seconds: 60, warm: 1 });
    torch.stop();
    await open.saeRunner.dispose();
    await runner.dispose();
    const perSecond = (ms: number): number => (1000 * ids.length) / ms;
    return {
      value: perSecond(rounds.of('ours')),
      besideValue: perSecond(rounds.of('theirs')),
      ratio: 1 / rounds.ratio('ours', 'theirs'),
      note: `ours with reading, tokenizing, examples, similarities and saving; ${torch.name}`,
    };
  },
});

const SAMPLE: Sizes = {
  what: 'the samples neox-6l → 3,072 latents',
  tokens: ASKED || 32_768,
  rounds: 5,
  nHeads: 6,
  k: 16,
  model: async () => path.resolve('samples', 'neox-6l'),
  sae: async () => path.resolve('samples', 'mlsae-neox-6l-x16-k16'),
};

void bench<undefined>([measure(PAPER), measure(SAMPLE)], async () => undefined);
