/** One minute of mutants: the engine never crashes, hangs, grows or answers with its own internals. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { ROOT } from '../unit/support/files';
import { fuzz, showFinding } from './fuzz';
import { KINDS } from './kinds';

const SEED = 1;
/** Of each kind. */
const MS = 60_000 / Object.keys(KINDS).length;

describe('fuzz: the engine takes mutants of', function () {
  // what is found is tried again, each perhaps for as long as something that hangs
  this.timeout(MS + 90_000);

  for (const kind of Object.keys(KINDS)) {
    it(kind, async function () {
      const engine = join(ROOT, 'dist', 'engine.js');
      const result = await fuzz({ kind, seed: SEED, engine, until: performance.now() + MS });
      this.runnable().title = `${kind} (${result.mutants}, ${result.opened} of them opened)`;
      for (const line of result.notRepeated) console.log(`      not again when tried by itself: ${line}`);
      const found = result.findings.map(showFinding).join('\n\n');
      assert.equal(result.findings.length, 0, `${found}\n\n${result.more} more of the same causes`);
      assert.ok(result.mutants > 0 && result.opened > 0, 'no mutant was opened');
    });
  }
});
