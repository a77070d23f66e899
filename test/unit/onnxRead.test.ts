import assert from 'node:assert/strict';
import { ftruncateSync, mkdirSync, openSync, closeSync, readFileSync, symlinkSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { clone, create, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { Tensor } from 'onnxruntime-node';
import {
  GraphProtoSchema,
  ModelProtoSchema,
  TensorProtoSchema,
  type TensorProto,
} from '../../src/engine/graph/onnx_pb';
import { cutGraph } from '../../src/engine/onnx/cut';
import { readOnnx } from '../../src/engine/onnx/read';
import type { OnnxGraph } from '../../src/engine/onnx/types';
import { tempFolder, writeFile } from './support/files';
import {
  adding,
  assertRefused,
  DataType,
  external,
  floats,
  info,
  ints,
  modelBytes,
  node,
  opened,
  runOnnx,
  writeModel,
  type SmallModel,
} from './support/smallOnnx';

const count = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const raw = (values: number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);
const x = (values: number[]): Record<string, Tensor> => ({
  x: new Tensor('float32', Float32Array.from(values), [values.length]),
});

/** What y is for x = 0 when it runs from the skeleton. */
async function sum(graph: OnnxGraph, length = 1): Promise<number[]> {
  const cut = cutGraph(graph, [{ name: 'y', value: 'y' }]);
  return (await runOnnx(cut, x(new Array<number>(length).fill(0))))['y']!.data;
}

describe('reading an .onnx file', () => {
  describe('without its weights', () => {
    const values = count(1000);
    const variants: Record<string, TensorProto> = {
      'raw data': floats('w', values),
      'packed floats': create(TensorProtoSchema, {
        name: 'w',
        dims: [1000n],
        dataType: DataType.FLOAT,
        floatData: values,
      }),
    };
    for (const [kind, tensor] of Object.entries(variants)) {
      it(`points to ${kind} inside the file`, async () => {
        const graph = await opened(adding(tensor));
        const stored = graph.tensors.get('w')!;
        const bytes = readFileSync(stored.file).subarray(stored.offset, stored.offset + stored.length);
        assert.deepEqual(
          { ...stored, file: '', offset: 0 },
          { file: '', dtype: 'F32', shape: [1000], offset: 0, length: 4000 },
        );
        assert.deepEqual(new Uint8Array(bytes), raw(values));
        const [left] = graph.model.graph!.initializer;
        assert.equal(left!.rawData.length + left!.floatData.length, 0);
        assert.deepEqual(await sum(graph, 1000), values);
      });
    }

    it('keeps small tensors, and knows where they lie', async () => {
      const graph = await opened(adding(floats('w', [7, 8])));
      const { file, offset, length } = graph.tensors.get('w')!;
      assert.deepEqual(new Uint8Array(readFileSync(file).subarray(offset, offset + length)), raw([7, 8]));
      assert.deepEqual(graph.constant('w')!.values, [7, 8]);
      assert.equal(graph.model.graph!.initializer[0]!.externalData.length, 0);
      assert.deepEqual(await sum(graph, 2), [7, 8]);
    });

    it('makes initializers of large constants in nodes', async () => {
      const model = adding(floats('w', values));
      const [w] = model.initializer!;
      model.node.unshift(node('Constant', [], ['w'], { value: { ...w!, name: '' } as TensorProto }));
      model.initializer = [];
      const graph = await opened(model);
      assert.equal(graph.producer('w'), undefined);
      assert.equal(graph.tensors.get('w')!.length, 4000);
      assert.deepEqual(await sum(graph, 1000), values);
    });

    it('leaves 500 MB in the file', async () => {
      const elements = 125 << 20;
      const file = sparse(elements);
      const before = process.memoryUsage().arrayBuffers;
      const graph = await readOnnx(file);
      const bytes = process.memoryUsage().arrayBuffers - before;
      assert.equal(graph.tensors.get('w')!.length, elements * 4);
      assert.ok(bytes < 50e6, `${bytes} bytes`);
    });
  });

  describe('with weights in other files', () => {
    const values = count(400);
    const outside = (entries: Record<string, string | number>, dims: (number | bigint)[] = [400]): SmallModel =>
      adding(external('w', dims, entries));

    it('reads them where they are, small ones into the graph', async () => {
      const folder = tempFolder();
      writeFile(join(folder, 'data/weights.bin'), Buffer.concat([Buffer.alloc(3), raw(values), raw([5])]));
      const file = writeModel(
        outside({ location: 'data/weights.bin', offset: 3, length: 1600 }),
        join(folder, 'm.onnx'),
      );
      assert.deepEqual(await sum(await readOnnx(file), 400), values);
      const small = await readOnnx(
        writeModel(outside({ location: 'data/weights.bin', offset: 1603 }, [1]), join(folder, 'small.onnx')),
      );
      assert.deepEqual(small.constant('w')!.values, [5]);
      assert.deepEqual(await sum(small), [5]);
    });

    it("opens Hugging Face's cache, where model and weights are links to blobs", async () => {
      const folder = tempFolder();
      const snapshot = join(folder, 'snapshots/revision/onnx');
      mkdirSync(snapshot, { recursive: true });
      writeFile(join(folder, 'blobs/aa'), modelBytes(outside({ location: 'model.onnx_data' })));
      writeFile(join(folder, 'blobs/bb'), raw(values));
      symlinkSync('../../../blobs/aa', join(snapshot, 'model.onnx'));
      symlinkSync('../../../blobs/bb', join(snapshot, 'model.onnx_data'));
      const graph = await readOnnx(join(snapshot, 'model.onnx'));
      assert.match(graph.folder, /blobs$/);
      assert.deepEqual(await sum(graph, 400), values);
    });

    const folder = tempFolder();
    writeFile(join(folder, 'secret.bin'), raw(values));
    writeFile(join(folder, 'model/weights.bin'), raw(values));
    writeFile(join(folder, 'model-too/weights.bin'), raw(values));
    symlinkSync('../secret.bin', join(folder, 'model/link.bin'));
    symlinkSync('../model-too/weights.bin', join(folder, 'model/alike.bin'));
    symlinkSync('..', join(folder, 'model/up'));
    mkdirSync(join(folder, 'model/folder'));
    const refused: [string, SmallModel, RegExp][] = [
      ['above the folder', outside({ location: '../secret.bin' }), /tensor w lies in .*secret\.bin.*folder/],
      ['above the folder by a detour', outside({ location: 'a/../../secret.bin' }), /tensor w lies in .*folder/],
      [
        'above the folder with backslashes',
        outside({ location: 'a\\..\\..\\secret.bin' }),
        /tensor w lies in .*folder/,
      ],
      ['in a folder whose name begins alike', outside({ location: '../model-too/weights.bin' }), /tensor w lies in/],
      ['at an absolute path', outside({ location: join(folder, 'secret.bin') }), /tensor w lies in .*folder/],
      [
        'at an absolute path, even inside',
        outside({ location: join(folder, 'model/weights.bin') }),
        /tensor w lies in/,
      ],
      ['on a drive', outside({ location: 'C:secret.bin' }), /tensor w lies in .*folder/],
      ['behind a link', outside({ location: 'link.bin' }), /symbolic link/],
      ['behind a link to a folder whose name begins alike', outside({ location: 'alike.bin' }), /symbolic link/],
      ['behind a link of a folder', outside({ location: 'up/secret.bin' }), /symbolic link/],
      ['nowhere', outside({ location: 'none.bin' }), /none\.bin, which does not exist/],
      ['in a folder', outside({ location: 'folder' }), /not a file/],
      ['without a location', outside({ offset: 0 }), /without a location/],
      [
        'with an offset beyond the end',
        outside({ location: 'weights.bin', offset: 4 }),
        /tensor w ends at byte 1604 .* 1600/,
      ],
      ['with a negative offset', outside({ location: 'weights.bin', offset: -4 }), /offset "-4"/],
      ['with an offset of 1e400', outside({ location: 'weights.bin', offset: '9'.repeat(400) }), /with offset "999/],
      ['shorter than their shape', outside({ location: 'weights.bin', length: 1596 }), /1596 bytes of data, 1600 were/],
      ['with negative sizes', outside({ location: 'weights.bin' }, [-20, -20]), /has shape \[-20, -20\]/],
      ['with sizes that overflow', outside({ location: 'weights.bin' }, [1n << 62n, 4n]), /has shape/],
      [
        'with sizes whose product overflows',
        outside({ location: 'weights.bin' }, [1 << 30, 1 << 30, 1 << 30]),
        /has shape/,
      ],
      ['larger than the file', outside({ location: 'weights.bin' }, [1 << 30]), /ends at byte 4294967296/],
    ];
    for (const [what, model, message] of refused) {
      it(`refuses those that lie ${what}`, async () => {
        await assertRefused(readOnnx(writeModel(model, join(folder, 'model/model.onnx'))), message);
      });
    }

    it('refuses data in two places', async () => {
      const both = external('w', [400], { location: 'weights.bin' });
      both.rawData = raw(values);
      await assertRefused(readOnnx(writeModel(adding(both), join(folder, 'model/model.onnx'))), /says twice/);
    });

    it('refuses raw data of types that nothing is known of', async () => {
      for (const dataType of [DataType.STRING, 99]) {
        for (const n of [1, 400])
          await assertRefused(
            opened(adding(create(TensorProtoSchema, { ...floats('w', count(n)), dataType }))),
            new RegExp(`tensor w has .*element type ${dataType}`),
          );
      }
    });

    it('refuses inside data that is not what its shape says', async () => {
      for (const n of [2, 400]) {
        const lying = floats('w', count(n), [n + 1]);
        await assertRefused(opened(adding(lying)), /tensor w has \d+ bytes of data/);
      }
      await assertRefused(opened(adding(create(TensorProtoSchema, { ...ints('w', [1]), dims: [2n] }))), /has 1 values/);
    });
  });
});

/** A model whose one weight is raw data that takes no space on disk. */
function sparse(elements: number): string {
  const w = floats('w', []);
  w.dims = [BigInt(elements)];
  const head = toBinary(TensorProtoSchema, clone(TensorProtoSchema, { ...w, rawData: new Uint8Array() }));
  const tag = (field: number, length: number): Uint8Array =>
    new BinaryWriter().tag(field, WireType.LengthDelimited).uint32(length).finish();
  const payload = tag(9, elements * 4);
  const tensorLength = head.length + payload.length + elements * 4;
  const rest = toBinary(
    GraphProtoSchema,
    create(GraphProtoSchema, { node: [node('Add', ['x', 'w'], ['y'])], input: [info('x', [1])], output: [info('y')] }),
  );
  const tensor = tag(5, tensorLength);
  const graphLength = rest.length + tensor.length + tensorLength;
  const start = toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, { irVersion: 8n, opsetImport: [{ version: 17n }] }),
  );
  const bytes = Buffer.concat([start, tag(7, graphLength), rest, tensor, head, payload]);
  const file = join(tempFolder(), 'large.onnx');
  mkdirSync(dirname(file), { recursive: true });
  const fd = openSync(file, 'w');
  writeSync(fd, bytes);
  ftruncateSync(fd, bytes.length + elements * 4);
  closeSync(fd);
  return file;
}
