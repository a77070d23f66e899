/** Graphs of which only a part is a transformer as we know it: what is there is shown, and one sentence says what is missing. */
import assert from 'node:assert/strict';
import { Tensor } from 'onnxruntime-node';
import type { OpenModel } from '../../src/engine/circuitHandlers';
import { engineParts } from '../../src/engine/parts';
import { createService } from '../../src/engine/service';
import { assertClose } from './support/closeness';
import { dialects, exportedCheckpoint, foreignOf, gridded, rawValues, softmaxes } from './support/foreignModels';
import { noSteps, openModel } from './support/models';
import { PROVIDER } from './support/provider';
import { assertSameCircuit, circuits } from './support/sameCircuits';
import { assertSameHooks, openDoors, requiredHooks } from './support/twoDoors';

const ids = [3, 8, 23, 7, 2, 5, 8, 23];
const feeds = (names: string[]): Record<string, Tensor> =>
  Object.fromEntries(
    names.map((name) => {
      const values = name === 'input_ids' ? ids : ids.map(() => 1);
      return [name, new Tensor('int64', BigInt64Array.from(values, BigInt), [1, ids.length])];
    }),
  );

/** The patterns of every layer are those that ONNX Runtime gives when nobody else has touched the graph. */
async function assertOwnPatterns(model: OpenModel, file: string, inputs: string[]): Promise<void> {
  const values = softmaxes(file);
  const { nLayers, nHeads } = model.checkpoint.description;
  assert.equal(nLayers, values.length);
  const raw = await rawValues(file, values, feeds(inputs));
  const names = values.map((_, layer) => `blocks.${layer}.attn.hook_pattern`);
  const { hooks } = await model.runner.run({ ids, hooks: names });
  values.forEach((value, layer) => {
    const shape = [nHeads, ids.length, ids.length];
    assertClose(names[layer]!, hooks[names[layer]!]!, { shape, data: raw[value]!.data as Float32Array });
  });
}

const sum = (values: Float32Array): number => values.reduce((a, b) => a + b, 0);
const isOneSentence = (text: string | undefined): boolean => text !== undefined && /^[A-Z].*[^.]\.$/s.test(text);

describe('a .onnx of which only a part is recognised', function () {
  this.timeout(30_000);

  it('whose norms come after the additions shows attention, and says that there is no residual stream', async () => {
    const file = await foreignOf(exportedCheckpoint('gpt2'), dialects.postNorm);
    const model = await openModel(file);
    await assertOwnPatterns(model, file, ['input_ids']);
    const { residual, weights, logits } = model.checkpoint.foreign!.missing;
    assert.ok(isOneSentence(residual), residual);
    assert.match(residual!, /residual stream/);
    assert.ok(isOneSentence(weights), weights);
    assert.equal(logits, undefined);
    assert.ok(model.checkpoint.notices.includes(residual!), 'the person is told');
    const next = await model.runner.run({ ids, hooks: ['logits'], topK: 2 });
    const raw = await rawValues(file, ['logits'], feeds(['input_ids']));
    assertClose('logits', next.hooks.logits!, { shape: [ids.length, 41], data: raw.logits!.data as Float32Array });
    await model.runner.dispose();
  });

  it('is analysed as far as it goes; requests that need more are answered with the sentence', async () => {
    const service = createService(engineParts(() => undefined));
    const context = { steps: noSteps };
    const path = await foreignOf(exportedCheckpoint('gpt2'), dialects.postNorm);
    const { id, notices } = await service.openCheckpoint({ path, providers: [PROVIDER] }, context);
    const missing = notices.filter((notice) => /residual stream/.test(notice));
    assert.ok(missing.length > 0, 'the person is told');
    const analysis = await service.analyze({ checkpointId: id, ids, topK: 1 }, context);
    const of = {
      analysisId: analysis.id,
      reduction: 'one',
      head: { layer: 1, head: 2 },
      weighting: 'pattern',
    } as const;
    const pattern = await service.pattern(of, context);
    assert.ok(Math.abs(sum(pattern.values) - ids.length) < 1e-4, 'rows sum to 1');
    const ablated = await service.ablate({ checkpointId: id, ids, heads: [{ layer: 1, head: 2 }] }, context);
    assert.notEqual(ablated.after.loss, ablated.before.loss);
    const refused = ({ name, message }: Error): boolean =>
      name === 'InputError' && missing.some((sentence) => message.endsWith(sentence));
    const assertRefused = (request: () => unknown): Promise<void> => assert.rejects(async () => request(), refused);
    await assertRefused(() => service.composition({ checkpointId: id }, context));
    await assertRefused(() => service.lens({ checkpointId: id, ids }, context));
    await assertRefused(() => service.paths({ checkpointId: id, ids }, context));
    await service.closeCheckpoint({ checkpointId: id }, context);
  });

  it('without an unembedding shows attention and the residual stream', async () => {
    const folder = exportedCheckpoint('neox-sequential');
    const doors = await openDoors(folder, await foreignOf(folder, dialects.headless));
    const { missing, hooks } = doors.onnx.checkpoint.foreign!;
    assert.ok(isOneSentence(missing.logits), missing.logits);
    assert.equal(missing.residual, undefined);
    assert.ok(!hooks.has('logits'));
    await assertSameHooks(doors, requiredHooks(doors, true, false));
    await doors.close();
  });

  it('with products of quantised activations shows its own patterns, and the circuits of its weights', async () => {
    const folder = gridded(exportedCheckpoint('gpt2'));
    const file = await foreignOf(folder, dialects.integer);
    const doors = await openDoors(folder, file);
    await assertOwnPatterns(doors.onnx, file, ['input_ids', 'attention_mask']);
    await assertSameCircuit(doors, circuits.composition!);
    await doors.close();
  });
});
