/** Exports in dialects that PyTorch 1.13 does not write, beside the checkpoints that they were made from. */
import { attnOnly, llama, LLAMA } from './support/families';
import { dialects, exportedCheckpoint, foreignOf, gridded, type Dialect } from './support/foreignModels';
import { writeRandomCheckpoint } from './support/randomCheckpoint';
import { assertSameCircuit, circuits } from './support/sameCircuits';
import {
  assertSameDescription,
  assertSameHooks,
  EQUAL,
  halfBars,
  openDoors,
  requiredHooks,
  type Doors,
} from './support/twoDoors';

/** Small, as nothing keeps its logits from growing. */
const attentionOnly = (positions: string): string =>
  writeRandomCheckpoint(attnOnly(positions, { positional_embedding_type: positions }, { embedding: 0.5 })).folder;

/** Checkpoints by name; the last have what an operator asks for. */
const models: Record<string, () => string> = {
  ...Object.fromEntries(
    ['gpt2', 'neox', 'neox-sequential', 'llama'].map((name) => [name, () => exportedCheckpoint(name)]),
  ),
  'llama with heads of 16': () => writeRandomCheckpoint(llama(LLAMA, 'heads of 16', { head_dim: 16 })).folder,
  'attention only, shortformer': () => attentionOnly('shortformer'),
  // without a norm the first layer reads a sum with positions, which is the residual stream
  'attention only, standard': () => attentionOnly('standard'),
};

/** A run that is changed, and weights. */
const BOTH = ['composition', 'ablation'];
const WEIGHTS = ['composition'];

const cases: [dialect: Dialect, models: string[], analyses: string[]][] = [
  [dialects.plain, ['llama', 'attention only, shortformer', 'attention only, standard'], WEIGHTS],
  [dialects.gemm, ['neox-sequential'], WEIGHTS],
  [dialects.transposed, ['gpt2'], BOTH],
  [dialects.sdpa, ['llama'], BOTH],
  [dialects.optimum, ['neox'], WEIGHTS],
  [dialects.merged, ['gpt2'], BOTH],
  [dialects.einsum, ['gpt2', 'attention only, shortformer'], WEIGHTS],
  [dialects.cluttered, ['neox-sequential'], BOTH],
  [dialects.half, ['neox', 'llama'], WEIGHTS],
  [dialects.attention4d, ['llama'], BOTH],
  [dialects.attention3d, ['gpt2'], WEIGHTS],
  [dialects.multiHead, ['neox'], BOTH],
  [dialects.groupQuery, ['llama with heads of 16'], BOTH],
  [dialects.groupQueryPacked, ['llama with heads of 16'], WEIGHTS],
  [dialects.fused, ['gpt2'], BOTH],
  [dialects.dequantized, ['gpt2', 'llama'], [...BOTH, 'QK and OV', 'bigrams']],
];

for (const [dialect, names, analyses] of cases) {
  for (const name of names) {
    describe(`${name} in ${dialect.name}`, function () {
      this.timeout(30_000);
      let doors: Doors;

      before(async () => {
        const folder = models[name]!();
        const checkpoint = dialect.linear === 'dequantized' ? gridded(folder) : folder;
        doors = await openDoors(checkpoint, await foreignOf(checkpoint, dialect), dialect.length);
      });
      after(() => doors?.close());

      it('gives the hooks of the safetensors', async () => {
        const bars = dialect.half ? halfBars(doors.safetensors.checkpoint.description.nLayers) : EQUAL;
        await assertSameHooks(doors, requiredHooks(doors), bars);
      });
      if (!dialect.half) it('has a description that makes the same hooks', () => assertSameDescription(doors));
      for (const analysis of analyses)
        it(`gives the same ${analysis}`, () => assertSameCircuit(doors, circuits[analysis]!));
    });
  }
}
