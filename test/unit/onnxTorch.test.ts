/** The samples as PyTorch exports them now, where a Python with it is there; onnxTwoDoors has them on any machine. */
import { join } from 'node:path';
import { SAMPLES } from './support/files';
import { assertSameCircuit, circuits } from './support/sameCircuits';
import { exportByTorch, pythonThatExports } from './support/torchExports';
import { assertSameHooks, openDoors, requiredHooks } from './support/twoDoors';

const exports = [
  { name: 'attn-only-2l', options: ['--opset', '14'] },
  { name: 'neox-6l', options: ['--opset', '13', '--mask'] },
  { name: 'stories260K', options: ['--opset', '17', '--mask', '--positions', '--past'] },
];

const python = pythonThatExports();
if (python === undefined) console.log('No Python with PyTorch 1.13: the samples are not exported by it.');
else
  describe('the samples as PyTorch exports them', function () {
    this.timeout(120_000);
    let files: string[];

    before(async () => {
      const jobs = exports.map(({ name, options }) => ({ checkpoint: join(SAMPLES, name), options }));
      files = await exportByTorch(python, jobs);
    });

    exports.forEach(({ name, options }, i) =>
      it(`${name} ${options.join(' ')}: the same hooks and circuits`, async () => {
        const doors = await openDoors(join(SAMPLES, name), files[i]!);
        await assertSameHooks(doors, requiredHooks(doors));
        for (const what of ['composition', 'bigrams']) await assertSameCircuit(doors, circuits[what]!);
        await doors.close();
      }),
    );
  });
