/** Exports by PyTorch (test/exports) beside the checkpoints that they were made from. */
import { assertSameCircuit, circuits } from './support/sameCircuits';
import { EXPORTS, exportedCheckpoint, withWeightsOutside } from './support/foreignModels';
import {
  assertSameDescription,
  assertSameHooks,
  EQUAL,
  halfBars,
  openDoors,
  requiredHooks,
  type Doors,
} from './support/twoDoors';
import { join } from 'node:path';

interface Case {
  /** File and checkpoint. */
  name: string;
  checkpoint: string;
  half?: boolean;
  outside?: 'one' | 'each';
  /** Tokens of the prompt, where not 9. */
  nTokens?: number;
  /** Analyses; of float16 those of weights only, which are the same numbers. */
  analyses: string[];
}

const WEIGHTS = ['composition', 'bigrams'];
const FEW = ['composition', 'paths'];
const MORE = ['composition, norms not folded', 'head scores', 'QK and OV', 'ablation'];

const cases: Case[] = [
  { name: 'gpt2-dynamic-17', checkpoint: 'gpt2', analyses: Object.keys(circuits) },
  { name: 'gpt2-static-11-unfolded', checkpoint: 'gpt2', nTokens: 11, analyses: FEW },
  { name: 'gpt2-past-13', checkpoint: 'gpt2', outside: 'one', analyses: FEW },
  { name: 'gpt2-half-static-17', checkpoint: 'gpt2', half: true, analyses: WEIGHTS },
  { name: 'neox-dynamic-13', checkpoint: 'neox', outside: 'each', analyses: MORE },
  { name: 'neox-static-17', checkpoint: 'neox', nTokens: 6, analyses: FEW },
  { name: 'neox-half-13-unfolded', checkpoint: 'neox', half: true, outside: 'one', analyses: WEIGHTS },
  { name: 'neox-sequential-dynamic-11', checkpoint: 'neox-sequential', analyses: MORE },
  { name: 'llama-dynamic-17-unfolded', checkpoint: 'llama', analyses: MORE },
  { name: 'llama-static-11', checkpoint: 'llama', nTokens: 11, outside: 'each', analyses: FEW },
  { name: 'llama-past-13', checkpoint: 'llama', analyses: FEW },
  { name: 'llama-half-17', checkpoint: 'llama', half: true, analyses: WEIGHTS },
];

for (const { name, checkpoint, half, outside, nTokens, analyses } of cases) {
  describe(`${name}.onnx${outside ? `, weights outside (${outside})` : ''}`, function () {
    this.timeout(30_000);
    let doors: Doors;

    before(async () => {
      const file = join(EXPORTS, `${name}.onnx`);
      const opened = outside ? withWeightsOutside(file, outside) : file;
      doors = await openDoors(exportedCheckpoint(checkpoint), opened, nTokens);
    });
    after(() => doors?.close());

    it('gives the hooks of the safetensors', async () => {
      const bars = half ? halfBars(doors.safetensors.checkpoint.description.nLayers) : EQUAL;
      await assertSameHooks(doors, requiredHooks(doors), bars);
    });
    if (analyses.length > FEW.length)
      it('has a description that makes the same hooks', () => assertSameDescription(doors));
    for (const analysis of analyses)
      it(`gives the same ${analysis}`, () => assertSameCircuit(doors, circuits[analysis]!));
  });
}
