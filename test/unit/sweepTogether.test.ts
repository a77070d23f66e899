/** Sweeps whose whole contexts run together: what they find one by one, wherever they are stopped. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { CancelledError } from '../../src/engine/errors';
import { openSweep, latentExamples } from '../../src/engine/mlsae/corpus/results';
import { sweep } from '../../src/engine/mlsae/corpus/sweep';
import type { OpenSae } from '../../src/engine/mlsae/types';
import type { ModelRunner, Steps } from '../../src/engine/runtime/types';
import type { Corpus } from '../../src/protocol/latents/corpus';
import { corpusOf, left, letters, withTokenizer } from './support/corpus';
import { MODELS, openRandomSae, saeVariant } from './support/effects';
import { tempFolder } from './support/files';
import { noSteps } from './support/models';
import { PROVIDER } from './support/provider';

const CONTEXT = 8;

/** What was run: how many sequences of how many tokens each. */
type Run = [sequences: number, tokens: number];

/** The same with its runs counted; on a provider of that name. */
function counted(open: OpenSae, runs: Run[], provider: string = open.model.runner.provider): OpenSae {
  const { runner } = open.model;
  const run: ModelRunner['run'] = (request, steps) => {
    const { ids, sequences = 1 } = request;
    runs.push([sequences, ids.length / sequences]);
    return runner.run(request, steps);
  };
  const own = Object.create(runner, { run: { value: run }, provider: { value: provider } }) as ModelRunner;
  return { ...open, model: { ...open.model, runner: own } };
}

const text = (length: number, from: number): string =>
  Array.from({ length }, (_, i) => String.fromCharCode(97 + ((i * i * 3 + i + from) % 20))).join('');

/** Whole contexts and what is left of texts; windows end with the fourth whole one, after 16 texts of one letter, and with the corpus. */
const LENGTHS = [5 * CONTEXT + 3, 4, CONTEXT, 2 * CONTEXT, 1, 3 * CONTEXT + 7];

for (const [model, variant] of [
  [MODELS[0]!, 'saelens standard'],
  [MODELS[0]!, 'mlsae'],
  [MODELS[3]!, 'mlsae tuned lens'],
  [MODELS[5]!, 'saelens jumprelu'],
  [MODELS[6]!, 'mlsae'],
] as const) {
  describe(`a sweep of ${variant} on ${model.name} over whole contexts and shorter texts`, function () {
    this.timeout(60_000);
    let open: OpenSae;
    let dispose: () => Promise<void>;
    let corpus: Corpus;
    let whole: string;
    const newFolder = (): string => join(tempFolder(), 'sweep');

    before(async () => {
      const random = await openRandomSae(model, saeVariant(variant));
      ({ dispose } = random);
      open = withTokenizer(random.open, letters);
      corpus = corpusOf(LENGTHS.map(text), CONTEXT);
      whole = newFolder();
      await sweep(open, { corpus, out: whole }, noSteps);
    });
    after(() => dispose?.());

    it('runs four whole contexts together, and finds what it finds one by one', async () => {
      const [together, alone]: [Run[], Run[]] = [[], []];
      const [by, one] = [newFolder(), newFolder()];
      const summary = await sweep(counted(open, together), { corpus, out: by }, noSteps);
      const single = await sweep(counted(open, alone, 'another'), { corpus, out: one }, noSteps);

      const shorter = LENGTHS.map((length) => length % CONTEXT).filter((length) => length > 0);
      const nWhole = LENGTHS.reduce((sum, length) => sum + Math.floor(length / CONTEXT), 0);
      assert.equal(nWhole, 11);
      assert.deepEqual(
        alone.filter(([sequences]) => sequences > 1),
        [],
      );
      assert.equal(alone.length, nWhole + shorter.length);
      if (PROVIDER === 'cpu') {
        const four = together.filter(([sequences]) => sequences > 1);
        assert.deepEqual(four, [
          [4, CONTEXT],
          [4, CONTEXT],
        ]);
        // the last three whole ones are too few for a window
        assert.equal(together.length - four.length, nWhole - 8 + shorter.length);
      }

      assert.equal(
        summary.tokens,
        LENGTHS.reduce((a, b) => a + b),
      );
      assert.equal(summary.documents, LENGTHS.length);
      assert.deepEqual({ ...summary, dir: '' }, { ...single, dir: '' }, 'bit for bit');
      for (let latent = 0; latent < open.sae.nLatents; latent++) {
        const { examples } = await latentExamples(open, { dir: by, latent }, noSteps);
        const wanted = (await latentExamples(open, { dir: one, latent }, noSteps)).examples;
        assert.deepEqual(examples, wanted);
      }
    });

    it('stopped anywhere, also within a window, and begun again, equals the sweep in one go bit for bit', async () => {
      const ends = new Set<number>();
      let isOver = false;
      for (let at = 1; !isOver; at++) {
        const out = newFolder();
        let steps = 0;
        const stopping: Steps = {
          step: async () => {
            if (++steps === at) throw new CancelledError();
          },
        };
        const stopped = sweep(open, { corpus, out }, stopping);
        isOver = await stopped.then(
          () => true,
          (error: Error) => {
            assert.equal(error.name, 'CancelledError', error.stack);
            return false;
          },
        );
        const partial = await openSweep(open, { dir: out }, noSteps).catch(() => undefined);
        if (partial && !partial.complete) ends.add(partial.tokens);
        await sweep(open, { corpus, out }, noSteps);
        assert.deepEqual(left(out), left(whole), `stopped at step ${at}`);
      }
      // after every sequence: in the middle of windows as well
      let tokens = 0;
      for (const length of LENGTHS)
        for (let rest = length; rest > 0; rest -= CONTEXT) {
          tokens += Math.min(rest, CONTEXT);
          const isLast = tokens === LENGTHS.reduce((a, b) => a + b);
          assert.ok(isLast || ends.has(tokens), `${tokens} of ${[...ends].join()}`);
        }
    });
  });
}

describe('a sweep of more than the beginning that means are taken of', function () {
  this.timeout(60_000);

  it('goes on in the middle of a window with what the beginning did not keep', async () => {
    const { open: plain, dispose } = await openRandomSae(MODELS[0]!, saeVariant('mlsae'));
    const open = withTokenizer(plain, letters);
    // the second of four contexts reaches 16,384 tokens: the other two are run again
    const context = 12;
    const [beginning, more] = [Math.ceil(2 ** 14 / context), 8];
    assert.equal(beginning % 4, 2);
    const corpus = corpusOf([text((beginning + 2 + more) * context, 1)], context);
    const [together, alone]: [Run[], Run[]] = [[], []];
    const [by, one] = [join(tempFolder(), 'sweep'), join(tempFolder(), 'sweep')];
    const summary = await sweep(counted(open, together), { corpus, out: by, examples: 1 }, noSteps);
    const single = await sweep(counted(open, alone, 'another'), { corpus, out: one, examples: 1 }, noSteps);
    assert.deepEqual({ ...summary, dir: '' }, { ...single, dir: '' });
    assert.equal(alone.length, beginning + 2 + more);
    if (PROVIDER === 'cpu') {
      const four: Run = [4, context];
      const two = new Array<Run>(2).fill([1, context]);
      const inFours = (beginning + 2) / 4;
      assert.deepEqual(together, [
        ...new Array<Run>(inFours).fill(four),
        ...two,
        ...new Array<Run>(more / 4).fill(four),
      ]);
    }
    await dispose();
  });
});
