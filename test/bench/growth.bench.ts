/** `npm run bench -- growth`: how times grow with tokens, layers, heads, latents and vocabulary, on small models. */
import type { Checkpoint } from '../../src/engine/checkpoint/checkpoint';
import { openCheckpoint } from '../../src/engine/checkpoint/open';
import { composition } from '../../src/engine/circuits/composition';
import { expandHooks } from '../../src/engine/graph/hooks';
import { openSae } from '../../src/engine/mlsae/open';
import { createSaeRunner } from '../../src/engine/mlsae/runner';
import { createRunner } from '../../src/engine/runtime/runner';
import type { ModelRunner } from '../../src/engine/runtime/types';
import { inTurn, print, short, tell, timed } from './support/measure';
import { idsOf, uniform, writeGpt2, writeMlsae, type Shape } from './support/models';

const SMALL: Shape = { dModel: 384, nLayers: 6, nHeads: 6, dVocab: 8192, nCtx: 1024 };
const TOKENS = 256;
const EVERYTHING = ['blocks.*.attn.hook_pattern', 'blocks.*.hook_resid_post', 'logits'];

interface Case {
  work(): Promise<unknown>;
  close(): Promise<void>;
}

interface Line {
  name: string;
  sizes: number[];
  of(size: number): Promise<Case>;
}

async function opened(
  shape: Partial<Shape>,
  work: (model: { checkpoint: Checkpoint; runner: ModelRunner }) => Promise<unknown>,
): Promise<Case> {
  const checkpoint = await openCheckpoint(await writeGpt2({ ...SMALL, ...shape }));
  const runner = await createRunner(checkpoint, { providers: ['cpu'], log: () => undefined });
  return { work: () => work({ checkpoint, runner }), close: () => runner.dispose() };
}

const forward = (shape: Partial<Shape>, tokens: number, globs = EVERYTHING): Promise<Case> =>
  opened(shape, ({ checkpoint, runner }) =>
    runner.run({ ids: idsOf(tokens, 8192), hooks: expandHooks(checkpoint.description, globs) }),
  );

async function encoding(nLatents: number): Promise<Case> {
  const model = { name: 'bench', description: { dModel: 256, nLayers: 6 } } as unknown as Checkpoint;
  const runner = createSaeRunner(await openSae(await writeMlsae(256, nLatents, 32), model), 'cpu');
  const rows = new Float32Array(512 * 256).map(uniform(3));
  return { work: () => runner.encode({ rows, layer: 0 }), close: () => runner.dispose() };
}

const step = async (): Promise<void> => undefined;
const LINES: Line[] = [
  {
    name: 'forward with everything, tokens',
    sizes: [128, 256, 512, 1024],
    of: (tokens) => forward({}, tokens),
  },
  { name: 'forward with everything, layers', sizes: [3, 6, 12], of: (nLayers) => forward({ nLayers }, TOKENS) },
  {
    name: 'forward with everything, heads (d_model stays)',
    sizes: [3, 6, 12],
    of: (nHeads) => forward({ nHeads }, TOKENS),
  },
  {
    name: 'forward with everything, vocabulary',
    sizes: [8192, 16_384, 32_768],
    of: (dVocab) => forward({ dVocab }, TOKENS),
  },
  {
    name: 'composition, layers',
    sizes: [3, 6, 12],
    of: (nLayers) => opened({ nLayers }, (model) => composition(model, {}, { step })),
  },
  {
    name: 'composition, heads (d_model stays)',
    sizes: [3, 6, 12],
    of: (nHeads) => opened({ nHeads }, (model) => composition(model, {}, { step })),
  },
  { name: 'encode and decode, latents', sizes: [4096, 8192, 16_384, 32_768], of: encoding },
];

async function main(): Promise<void> {
  for (const { name, sizes, of } of LINES) {
    const cases = new Map<number, Case>();
    for (const size of sizes) cases.set(size, await of(size));
    const works = Object.fromEntries([...cases].map(([size, { work }]) => [String(size), () => timed(work)]));
    const rounds = await inTurn(works, { rounds: 7, seconds: 5 });
    for (const { close } of cases.values()) await close();
    const values = sizes.map((size) => rounds.of(String(size)));
    tell({ kind: 'growth', name, unit: 'ms', sizes, values });
    print(`  ${name}: ${sizes.map((size, i) => `${size}: ${short(values[i]!)} ms`).join(', ')}`);
  }
}

void main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
