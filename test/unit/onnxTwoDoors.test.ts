/** The samples through both doors: as safetensors, and as `.onnx` that exporters could have written. */
import { join } from 'node:path';
import type { Edit, Interventions } from '../../src/engine/runtime/types';
import { gaussian, SAMPLES } from './support/files';
import { dialects, foreignOf, type Dialect } from './support/foreignModels';
import { assertSameCircuit, circuits, importances, type Analysis } from './support/sameCircuits';
import { assertSameHooks, assertSameRun, openDoors, requiredHooks, type Doors } from './support/twoDoors';

interface Case {
  sample: string;
  dialect: Dialect;
  analyses: Record<string, Analysis>;
}

const without = (...names: string[]): Case['analyses'] =>
  Object.fromEntries(Object.entries(circuits).filter(([name]) => !names.includes(name)));

const cases: Case[] = [
  { sample: 'attn-only-2l', dialect: dialects.plain, analyses: { ...circuits, ...importances } },
  // heads and layers are many
  {
    sample: 'neox-6l',
    dialect: dialects.gemm,
    analyses: without('induction circuits', 'ablation by the mean', 'patching'),
  },
  { sample: 'stories260K', dialect: dialects.optimum, analyses: without('induction circuits') },
];

for (const { sample, dialect, analyses } of cases) {
  describe(`${sample} as ${dialect.name}`, function () {
    this.timeout(60_000);
    let doors: Doors;

    before(async () => {
      const folder = join(SAMPLES, sample);
      doors = await openDoors(folder, await foreignOf(folder, dialect));
    });
    after(() => doors?.close());

    it('gives the same hooks', () => assertSameHooks(doors, requiredHooks(doors)));
    for (const [what, analysis] of Object.entries(analyses))
      it(`gives the same ${what}`, () => assertSameCircuit(doors, analysis));

    it('is changed alike by interventions', async () => {
      const { nLayers, nHeads, dHead, dModel } = doors.safetensors.checkpoint.description;
      const n = doors.ids.length;
      const last = nLayers - 1;
      const hooks = requiredHooks(doors);
      const z: Edit = { keep: ones([1, nHeads, 1], 0), add: random([n, nHeads, dHead], 1) };
      const pre: Edit = { keep: ones([n, 1], n - 1), add: random([n, dModel], 2) };
      const pattern = random([nHeads, n, n], 3).data.map(Math.abs);
      const edits: Interventions[] = [
        { z: new Map([[last, z]]) },
        { resid: new Map([[last, pre]]) },
        { resid: new Map([[nLayers, pre]]) },
        { z: new Map([[0, z]]), resid: new Map([[1, pre]]), patterns: new Map([[last, pattern]]) },
      ];
      for (const interventions of edits) await assertSameRun(doors, { hooks, topK: 3, interventions });
    });
  });
}

/** Ones but for a 0. */
function ones(shape: number[], zeroAt: number): { shape: number[]; data: Float32Array } {
  const data = new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(1);
  data[zeroAt] = 0;
  return { shape, data };
}

function random(shape: number[], seed: number): { shape: number[]; data: Float32Array } {
  return {
    shape,
    data: Float32Array.from(
      gaussian(
        shape.reduce((a, b) => a * b, 1),
        seed,
      ),
    ),
  };
}
