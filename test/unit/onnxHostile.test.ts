import assert from 'node:assert/strict';
import { join } from 'node:path';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { readOnnx } from '../../src/engine/onnx/read';
import { tempFolder, writeFile } from './support/files';
import {
  adding,
  assertRefused,
  branches,
  floats,
  info,
  modelBytes,
  node,
  opened,
  type SmallModel,
} from './support/smallOnnx';

describe('a hostile .onnx file', () => {
  describe('whose bytes are hostile', () => {
    const refusals: [string, () => Uint8Array, RegExp][] = [
      ['an empty file', () => new Uint8Array(), /has no graph/],
      ['text', () => Buffer.from('Not an ONNX file at all, but a few words.'), /not an ONNX file/],
      [
        'a field of 2 GB',
        () => Buffer.from([0x3a, 0xff, 0xff, 0xff, 0xff, 0x07, 1, 2]),
        /2147483647 bytes long, but 2 are/,
      ],
      ['a string of 2 GB in a node', () => within(7, 1, 4, [0xff, 0xff, 0xff, 0xff, 0x07]), /bytes long, but \d+ are/],
      ['a number that never ends', () => Buffer.alloc(1 << 20, 0xff), /not an ONNX file: .* at byte 0/],
      ['a group', () => Buffer.from([0x3b, 0x3c]), /field 7 has wire type 3/],
      ['a graph that is a number', () => Buffer.from([0x38, 1]), /field 7 of ModelProto has wire type 0/],
      ['deep nesting', () => deep(200), /nested more than/],
      [
        'millions of empty nodes',
        () => frame(7, Buffer.alloc(3 << 20, Buffer.from([0x0a, 0]))),
        /more than 1000000 nodes/,
      ],
      ['endless names', () => frame(7, frame(2, Buffer.alloc(65 << 20))), /more than 64 MB beside/],
      ['endless numbers', () => frame(7, frame(5, frame(7, Buffer.alloc(17 << 20)))), /more than 64 MB beside/],
      ['floats that end inside one', () => frame(7, frame(5, frame(4, Buffer.alloc(6)))), /ends inside a number/],
    ];
    for (const [what, bytes, message] of refusals) {
      it(`refuses ${what}`, async () => {
        await assertRefused(readOnnx(writeFile(join(tempFolder(), 'model.onnx'), bytes())), message);
      });
    }

    it('is read or refused wherever it is cut off or changed', async () => {
      const whole = modelBytes({ ...adding(floats('w', [1, 2])), domains: ['other'] });
      const file = join(tempFolder(), 'model.onnx');
      let refused = 0;
      const attempt = async (bytes: Uint8Array): Promise<void> => {
        await readOnnx(writeFile(file, bytes)).catch((cause: Error) => {
          assert.equal(cause.name, 'InputError', cause.stack);
          refused++;
        });
      };
      for (let length = 0; length < whole.length; length++) await attempt(whole.subarray(0, length));
      assert.ok(refused > whole.length / 2);
      for (let at = 0; at < whole.length; at++) {
        for (const byte of [0xff, whole[at]! ^ (1 << (at % 8))]) {
          const changed = Uint8Array.from(whole);
          changed[at] = byte;
          await attempt(changed);
        }
      }
    });

    it('refuses a pipe or folder in place of the file', async () => {
      await assertRefused(readOnnx(tempFolder()), /not a file/);
      await assertRefused(readOnnx(join(tempFolder(), 'none.onnx')), /none\.onnx/);
    });
  });

  describe('whose graph is wrong', () => {
    const x1 = [info('x', [1])];
    const y = [info('y')];
    const refusals: [string, SmallModel, RegExp][] = [
      [
        'a cycle',
        {
          node: [node('Add', ['x', 'b'], ['a']), node('Neg', ['a'], ['b']), node('Neg', ['a'], ['y'])],
          input: x1,
          output: y,
        },
        /cycle, and node node_\w \(\w+\) waits/,
      ],
      ['a node that reads itself', { node: [node('Add', ['x', 'y'], ['y'])], input: x1, output: y }, /cycle/],
      [
        'a value made twice',
        { node: [node('Neg', ['x'], ['y']), node('Abs', ['x'], ['y'])], input: x1, output: y },
        /value y is made twice/,
      ],
      [
        'a value that nothing makes',
        { node: [node('Add', ['x', 'q'], ['y'])], input: x1, output: y },
        /node_y \(Add\) reads q/,
      ],
      ['an output that nothing makes', { node: [node('Neg', ['x'], ['z'])], input: x1, output: y }, /its output y/],
      [
        'an unknown domain',
        { node: [node('Do', ['x'], ['y'], {}, 'evil.corp')], input: x1, output: y },
        /node_y \(Do\) is of the domain evil\.corp/,
      ],
      [
        'an unknown domain in a branch',
        {
          node: [
            node(
              'If',
              ['x'],
              ['y'],
              branches([node('Do', ['x'], ['o'], {}, 'evil.corp')], [node('Neg', ['x'], ['o'])]),
            ),
          ],
          input: x1,
          output: y,
        },
        /node_o \(Do\) is of the domain evil\.corp/,
      ],
    ];
    for (const [what, model, message] of refusals) {
      it(`refuses ${what}`, () => assertRefused(opened(model), message));
    }

    it('sorts nodes that stand before what they read', async () => {
      const graph = await opened({
        node: [node('Neg', ['a'], ['y']), node('Abs', ['x'], ['a'])],
        input: x1,
        output: y,
      });
      assert.deepEqual(
        graph.model.graph!.node.map(({ opType }) => opType),
        ['Abs', 'Neg'],
      );
      assert.equal(graph.producer('a')!.opType, 'Abs');
      assert.deepEqual(
        graph.consumers('a').map(({ opType }) => opType),
        ['Neg'],
      );
      assert.equal(graph.producer('x'), undefined);
    });
  });
});

/** A field with a length and a payload. */
const frame = (field: number, payload: Uint8Array): Uint8Array =>
  new BinaryWriter().tag(field, WireType.LengthDelimited).bytes(payload).finish();

/** Fields inside each other, the innermost with bytes of its own in place of length and payload. */
const within = (outer: number, middle: number, inner: number, bytes: number[]): Uint8Array =>
  frame(outer, frame(middle, Buffer.from([(inner << 3) | WireType.LengthDelimited, ...bytes])));

/** Graphs in attributes of nodes of graphs … */
function deep(levels: number): Uint8Array {
  let graph: Uint8Array = new Uint8Array();
  for (let level = 0; level < levels; level++) graph = frame(1, frame(5, frame(6, graph)));
  return frame(7, graph);
}
