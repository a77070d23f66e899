/** `threads` of a training: its steps run on so many. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { Session } from '../../src/engine/runtime/session';
import { trainMlsae } from '../../src/engine/train/mlsae/train';
import { trainToy } from '../../src/engine/train/toy/train';
import { tempFolder, writeFile } from './support/files';
import { noSteps, openSample } from './support/models';

const text = Array.from({ length: 400 }, (_, i) => `const value${i} = other[${i % 7}] + ${i};\n`).join('');

describe('threads of a training', function () {
  this.timeout(60_000);
  const folder = tempFolder();
  writeFile(join(folder, 'a.txt'), text);
  const corpus = { globs: ['*.txt'], folder };

  /** Of the sessions that keep their memory from step to step, in the order in which they are made. */
  async function threadsOf(work: () => Promise<unknown>): Promise<(number | undefined)[]> {
    const create = Session.create.bind(Session);
    const made: (number | undefined)[] = [];
    Session.create = (graph, provider, options) => {
      if (options?.arena) made.push(options.threads);
      return create(graph, provider, options);
    };
    try {
      await work();
    } finally {
      Session.create = create;
    }
    return made;
  }

  for (const threads of [undefined, 2]) {
    const given = { corpus, steps: 1, ...(threads && { threads }) };
    it(`toy: ${threads ?? 'all'}`, async () => {
      const sizes = { layers: 0, dModel: 8, nHeads: 1, vocab: 260, context: 16, batch: 2 } as const;
      const made = await threadsOf(() => trainToy({ ...given, ...sizes, out: join(tempFolder(), 'toy') }, noSteps));
      assert.deepEqual(made, [threads]);
    });

    it(`MLSAE: ${threads ?? 'all'}`, async () => {
      const model = await openSample('neox-6l');
      const sizes = { expansionFactor: 1, k: 2, batchTokens: 32, auxk: 0, layers: [0] };
      const out = join(tempFolder(), 'mlsae');
      try {
        const made = await threadsOf(() => trainMlsae(model, { ...given, ...sizes, out }, noSteps));
        // after those of the model
        assert.ok(made.length > 0);
        assert.equal(made.at(-1), threads);
      } finally {
        await model.runner.dispose();
      }
    });
  }
});
