import assert from 'node:assert/strict';
import { InferenceSession } from 'onnxruntime-node';
import { InputError } from '../../src/engine/checkpoint/errors';
import { runtimeReason } from '../../src/engine/runtime/runtimeReason';
import { Session } from '../../src/engine/runtime/session';

describe('what ONNX Runtime says of a graph', () => {
  const cases: [name: string, said: string, reason: string][] = [
    [
      'without the place in its code',
      '/onnxruntime_src/onnxruntime/core/graph/model.cc:202 onnxruntime::Model::Model(onnx::ModelProto&&, const ' +
        'onnxruntime::PathString&) Unsupported model IR version: 17, max supported IR version: 13\n',
      'Unsupported model IR version: 17, max supported IR version: 13',
    ],
    [
      'with the node, without the condition',
      `Non-zero status code returned while running Reshape node. Name:'/h.0/Reshape_2' Status Message: ` +
        '/onnxruntime_src/onnxruntime/core/providers/cpu/tensor/reshape_helper.h:91 onnxruntime::ReshapeHelper::' +
        'ReshapeHelper(const onnxruntime::TensorShape&, bool) input_shape_size == size was false. The input tensor ' +
        'cannot be reshaped to the requested shape. Input shape:{1,3}, requested shape:{1,2}\n',
      'node /h.0/Reshape_2 (Reshape): The input tensor cannot be reshaped to the requested shape. Input shape:{1,3}, ' +
        'requested shape:{1,2}',
    ],
    [
      'without tags',
      'Node (x) Op (MatMul) [ShapeInferenceError] Incompatible dimensions',
      'Node (x) Op (MatMul) Incompatible dimensions',
    ],
    ['in one line', 'This is an invalid model.\nAnd more of it.', 'This is an invalid model'],
    ['at all', '', 'it does not say why'],
  ];
  for (const [name, said, reason] of cases) it(name, () => assert.equal(runtimeReason(new Error(said)), reason));

  it('is the person’s to know only of a foreign graph', async () => {
    const graph = { bytes: Buffer.from('no graph'), inputs: [], outputs: [], folder: '.' };
    await assert.rejects(InferenceSession.create(graph.bytes), /protobuf/i);
    const own = await Session.create(graph, 'cpu').catch((error: unknown) => error);
    assert.ok(own instanceof Error && !(own instanceof InputError));
    await assert.rejects(Session.create({ ...graph, source: '/m/model.onnx' }, 'cpu'), (error: unknown) => {
      assert.ok(error instanceof InputError);
      assert.match(error.message, /^\/m\/model\.onnx: ONNX Runtime cannot run it: .*protobuf.*\.$/i);
      return true;
    });
  });
});
