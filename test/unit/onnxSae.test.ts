/** An autoencoder beside its model, the model opened as safetensors and as `.onnx`. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { encodePrompt } from '../../src/engine/mlsae/encodePrompt';
import { openSae } from '../../src/engine/mlsae/open';
import { createSaeRunner } from '../../src/engine/mlsae/runner';
import { steer } from '../../src/engine/mlsae/steer';
import type { OpenSae } from '../../src/engine/mlsae/types';
import { SAMPLES } from './support/files';
import { dialects, foreignOf } from './support/foreignModels';
import { noSteps } from './support/models';
import { assertSameNumbers } from './support/sameCircuits';
import { openDoors, type Doors } from './support/twoDoors';

describe('a multi-layer SAE beside a .onnx', function () {
  this.timeout(60_000);
  let doors: Doors;
  const opened: OpenSae[] = [];

  before(async () => {
    const folder = join(SAMPLES, 'neox-6l');
    doors = await openDoors(folder, await foreignOf(folder, dialects.sdpa));
    for (const model of [doors.safetensors, doors.onnx]) {
      const sae = await openSae(join(SAMPLES, 'mlsae-neox-6l-x16-k16'), model.checkpoint);
      opened.push({ sae, saeRunner: createSaeRunner(sae, model.runner.provider), model });
    }
  });
  after(async () => {
    for (const { saeRunner } of opened) await saeRunner.dispose();
    await doors?.close();
  });

  const both = async <T>(run: (open: OpenSae, ids: number[]) => Promise<T>): Promise<[safetensors: T, onnx: T]> => [
    await run(opened[0]!, doors.ids),
    await run(opened[1]!, doors.ids),
  ];

  it('has the same latents', async () => {
    const [expected, actual] = await both((open, ids) => encodePrompt(open, { ids }, noSteps));
    assertSameNumbers(actual, expected);
  });

  it('steers alike', async () => {
    const [expected, actual] = await both((open, ids) =>
      steer(open, { ids, latent: 604, layer: 3, edit: { kind: 'add', factor: 20 }, topK: 1 }, noSteps),
    );
    assert.ok(Math.abs(expected.lossAfter - expected.lossBefore) > 1e-3, 'steering changes something');
    assertSameNumbers(actual, expected);
  });
});
