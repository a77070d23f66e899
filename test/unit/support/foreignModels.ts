/** The same weights as a checkpoint folder and as `.onnx` files that other exporters could have written. */
import { fromBinary, toBinary, create } from '@bufbuild/protobuf';
import { copyFileSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { InferenceSession, type Tensor } from 'onnxruntime-node';
import { GraphProtoSchema, ModelProtoSchema, ValueInfoProtoSchema } from '../../../src/engine/graph/onnx_pb';
import type { Dialect } from './foreign/dialect';
import { onGrid } from './foreign/linear';
import { writeForeign } from './foreign/model';
import { matricesOf } from './foreign/weights';
import { writeModel, type Placement } from './foreign/writer';
import { ROOT, readTensors, tempFolder, writeTensors, type TestTensor } from './files';

export { dialects, type Dialect } from './foreign/dialect';

/** Small random checkpoints and what PyTorch made of them; see test/exports. */
export const EXPORTS = join(ROOT, 'test/fixtures/onnx');
export const exportedCheckpoint = (name: string): string => join(EXPORTS, 'checkpoints', name);

/** A checkpoint folder's weights as an `.onnx` in a folder of its own. @returns the file */
export async function foreignOf(folder: string, dialect: Dialect): Promise<string> {
  return writeForeign(join(tempFolder(), 'model.onnx'), await matricesOf(folder), dialect);
}

/** A copy of an `.onnx` with its large weights in one file beside it, or in one each. */
export function withWeightsOutside(file: string, placement: Placement): string {
  const model = fromBinary(ModelProtoSchema, readFileSync(file));
  return writeModel(join(tempFolder(), basename(file)), model, placement);
}

/** A copy of a checkpoint whose matrices lie on a grid of 255 steps, so that an int8 dialect says exactly the same. */
export function gridded(folder: string): string {
  const copy = tempFolder();
  copyFileSync(join(folder, 'config.json'), join(copy, 'config.json'));
  const tensors: Record<string, TestTensor> = {};
  for (const [name, { shape, data }] of Object.entries(readTensors(join(folder, 'model.safetensors'))))
    tensors[name] = { shape, data: shape.length > 1 ? onGrid(data) : data };
  writeTensors(join(copy, 'model.safetensors'), tensors);
  return copy;
}

/** Values of an `.onnx` as ONNX Runtime computes them, the engine not being asked. */
export async function rawValues(
  file: string,
  values: string[],
  feeds: Record<string, Tensor>,
): Promise<Record<string, Tensor>> {
  const more = create(ModelProtoSchema, {
    graph: create(GraphProtoSchema, { output: values.map((name) => create(ValueInfoProtoSchema, { name })) }),
  });
  const bytes = Buffer.concat([readFileSync(file), toBinary(ModelProtoSchema, more)]);
  const session = await InferenceSession.create(bytes, {
    executionProviders: ['cpu'],
    logSeverityLevel: 3,
    extra: { session: { model_external_initializers_file_folder_path: join(file, '..') } },
  });
  const result = (await session.run(feeds, values)) as Record<string, Tensor>;
  await session.release();
  return result;
}

/** What every Softmax of an `.onnx` gives, in the order of the nodes. */
export const softmaxes = (file: string): string[] =>
  fromBinary(ModelProtoSchema, readFileSync(file))
    .graph!.node.filter(({ opType }) => opType === 'Softmax')
    .map(({ output }) => output[0]!);
