/** What the fuzz test watches for is seen: an engine that does each wrong thing when it is asked to. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { Problem, WatchedEngine, type ProblemKind } from './engine';
import { Random } from './random';
import { KINDS } from './kinds';
import type { Mutant } from './mutant';

describe('fuzz: what is watched for', function () {
  this.timeout(30_000);
  let folder: string;
  let engine: WatchedEngine;
  const ask = (text: string): Promise<unknown> => engine.ask('analyze', { checkpointId: 'c', text, topK: 1 });

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'circuitscope-watch-'));
    const options = { bundle: true, platform: 'node', target: 'node20', format: 'cjs' } as const;
    await build({ entryPoints: ['test/support/fakeEngine.ts'], outdir: folder, ...options });
    engine = new WatchedEngine(join(folder, 'fakeEngine.js'), { ms: 2500, bytes: 250e6 });
  });
  after(() => {
    engine.end();
    rmSync(folder, { recursive: true });
  });
  beforeEach(() => engine.ready(false));

  const sees = (kind: ProblemKind, text: string, message: RegExp): void => {
    it(`${kind}: ${text}`, async () => {
      await assert.rejects(ask(text), (error: unknown) => {
        assert.ok(error instanceof Problem, String(error));
        assert.equal(error.kind, kind);
        assert.match(error.message, message);
        return true;
      });
      // and goes on with another process
      await engine.ready(false);
      await ask('fine');
    });
  };

  it('nothing: an answer, and a sentence about the input', async () => {
    assert.ok('result' in ((await ask('fine')) as object));
    assert.deepEqual(await ask('bad input'), { refusal: 'x.json: n_layers is "two", a number was expected.' });
  });
  sees('died', 'die talking', /the last words/);
  sees('hung', 'block', /no answer for 2\.5 s/);
  sees('internal error', 'bug', /TypeError: cannot read the moon/);
  sees('bad sentence', 'bad sentence', /internals.*Cannot read properties/);
  sees('bad sentence', 'where did it stop', /does not end like a sentence/);
  if (process.platform === 'linux') sees('grew', 'grow', /grew to \d{3} MB/);

  it('the same seed makes the same mutants', async () => {
    for (const [kind, make] of Object.entries(KINDS)) {
      const three = (seed: number): Promise<Mutant[]> =>
        Promise.all([0, 1, 2].map((index) => make(Random.of(seed, kind, index))));
      const [first, again, other] = [await three(7), await three(7), await three(8)];
      assert.deepEqual(
        first.map(({ files }) => files),
        again.map(({ files }) => files),
        kind,
      );
      assert.notDeepEqual(
        first.map(({ mutations }) => mutations),
        other.map(({ mutations }) => mutations),
        kind,
      );
    }
  });
});
