/** Opening a `.onnx`: which file a path means, what lies beside it, what its inputs are for, what is said of what is missing. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { findCheckpoints, openCheckpoint } from '../../src/engine/checkpoint/open';
import { checkpointHooks } from '../../src/engine/describe';
import { ModelProtoSchema, ValueInfoProtoSchema } from '../../src/engine/graph/onnx_pb';
import { feedsOf, foreignInputs } from '../../src/engine/onnx/inputs';
import { createRunner } from '../../src/engine/runtime/runner';
import { createService, type EngineHandlers, type RequestContext } from '../../src/engine/service';
import { SAMPLES, tempFolder, writeFile } from './support/files';
import { dialects, EXPORTS, exportedCheckpoint, foreignOf } from './support/foreignModels';
import { openModel } from './support/models';
import { DataType, floats, info, node, opened, writeModel, type SmallModel } from './support/smallOnnx';

const gpt2 = join(EXPORTS, 'gpt2-dynamic-17.onnx');

/** A folder with copies of exports by these names. */
function folderOf(...names: string[]): string {
  const folder = tempFolder();
  for (const name of names) writeFile(join(folder, name), readFileSync(gpt2));
  return folder;
}

const refused = (attempt: Promise<unknown>, message: RegExp): Promise<void> =>
  assert.rejects(attempt, (cause: Error) => {
    assert.equal(cause.name, 'InputError', cause.stack);
    assert.match(cause.message, message);
    assert.match(cause.message, /^[^\n]+\.$/, 'one sentence');
    return true;
  });

describe('the .onnx that a path means', function () {
  this.timeout(20_000);

  it('is the file itself, by its own path', async () => {
    const { path, name, tensors } = await openCheckpoint(gpt2);
    assert.equal(path, gpt2);
    assert.equal(name, 'gpt2-dynamic-17');
    assert.ok(
      [...tensors.values()].every(({ file }) => file === gpt2),
      'weights stay in it',
    );
  });

  it('is the only one of a folder, or the one of the usual name', async () => {
    const one = folderOf('tiny.onnx');
    assert.equal((await openCheckpoint(one)).path, join(one, 'tiny.onnx'));
    const several = folderOf('decoder_with_past_model.onnx', 'decoder_model.onnx', 'a.onnx');
    assert.equal((await openCheckpoint(several)).path, join(several, 'decoder_model.onnx'));
    const below = folderOf('onnx/model.onnx', 'onnx/model_fp16.onnx');
    assert.equal((await openCheckpoint(below)).path, join(below, 'onnx/model.onnx'));
    await refused(openCheckpoint(folderOf('b.onnx', 'a.onnx')), /several \.onnx files \(a\.onnx, b\.onnx\)/);
  });

  it('is none where there are safetensors', async () => {
    const folder = folderOf('model.onnx');
    for (const name of ['config.json', 'model.safetensors'])
      copyFileSync(join(exportedCheckpoint('neox'), name), join(folder, name));
    assert.equal((await openCheckpoint(folder)).description.architecture, 'gpt_neox');
    assert.equal((await openCheckpoint(join(folder, 'model.onnx'))).description.nHeads, 5);
  });

  it('is found below a workspace', async () => {
    const folder = folderOf('a/onnx/model.onnx', 'b/one.onnx', 'c/x.onnx', 'c/y.onnx');
    const found = await findCheckpoints([folder]);
    assert.deepEqual(
      found.map(({ path, name, modelType }) => [path.slice(folder.length + 1), name, modelType]),
      [
        ['a/onnx/model.onnx', 'a', 'onnx'],
        ['b/one.onnx', 'one', 'onnx'],
      ],
    );
    assert.ok(found[0]!.bytes > 0);
  });

  it('may be a link, as in a cache', async () => {
    const blobs = folderOf('0123');
    const folder = join(tempFolder(), 'models--org--tiny', 'snapshots', 'abc', 'onnx');
    writeFile(join(folder, '../config.json'), { model_type: 'gpt2' });
    writeFile(join(folder, 'readme'), '');
    symlinkSync(join(blobs, '0123'), join(folder, 'model.onnx'));
    const { name, path, tensors } = await openCheckpoint(join(folder, 'model.onnx'));
    assert.equal(name, 'org/tiny');
    assert.equal(path, join(folder, 'model.onnx'));
    assert.ok([...tensors.values()].every(({ file }) => file.endsWith('0123')));
  });
});

describe('what lies beside a .onnx', function () {
  this.timeout(20_000);
  const tokenizer = readFileSync(join(SAMPLES, 'stories260K/tokenizer.json'));

  it('gives it a tokenizer, an architecture and a name, also from the folder above', async () => {
    for (const file of ['tiny/model.onnx', 'tiny/onnx/model.onnx', 'tiny/onnx/decoder_model_merged.onnx']) {
      const folder = folderOf(file);
      writeFile(join(folder, 'tiny/config.json'), { model_type: 'gpt2', bos_token_id: 7 });
      writeFile(join(folder, 'tiny/tokenizer.json'), tokenizer);
      const checkpoint = await openCheckpoint(join(folder, file));
      assert.equal(checkpoint.name, 'tiny');
      assert.equal(checkpoint.description.architecture, 'onnx (gpt2)');
      assert.equal(checkpoint.bosId, 7);
      assert.ok(checkpoint.tokenizer);
    }
  });

  it('may be nothing, or of something else', async () => {
    const folder = folderOf('model.onnx');
    const bare = await openCheckpoint(folder);
    assert.equal(bare.description.architecture, 'onnx');
    assert.ok(bare.notices.includes('No tokenizer.json: this checkpoint can only be run on token ids.'));
    const inner = folderOf('web/model.onnx');
    writeFile(join(inner, 'config.json'), 'not JSON');
    assert.equal((await openCheckpoint(join(inner, 'web'))).description.architecture, 'onnx');
    writeFile(join(folder, 'config.json'), 'not JSON');
    await refused(openCheckpoint(folder), /config\.json/);
  });
});

describe('inputs of a foreign graph', () => {
  /** A graph with these inputs that all are used. */
  const graphOf = (...input: SmallModel['input'] & object): Promise<Awaited<ReturnType<typeof opened>>> =>
    opened({
      node: input.map(({ name }) => node('Identity', [name], [`of_${name}`])),
      input,
      output: input.map(({ name }) => info(`of_${name}`)),
    });
  const int64 = (name: string, dims: (number | string)[]): ReturnType<typeof info> => info(name, dims, DataType.INT64);
  const feeds = async (
    ...input: SmallModel['input'] & object
  ): Promise<Record<string, [string, number[], number[]]>> => {
    const graph = await graphOf(...input);
    const roles = foreignInputs(graph);
    const fed = feedsOf(
      graph,
      roles,
      [5, 6, 7],
      input.map(({ name }) => name),
    );
    return Object.fromEntries(
      Object.entries(fed).map(([name, { type, dims, data }]) => [
        name,
        [type, [...dims], Array.from(data as ArrayLike<number | bigint>, Number)],
      ]),
    );
  };
  const ids = int64('input_ids', ['batch', 'sequence']);

  it('get tokens, masks and positions in the type that they have', async () => {
    assert.deepEqual(
      await feeds(
        ids,
        info('attention_mask', ['batch', 'total'], DataType.INT32),
        int64('position_ids', ['batch', 'sequence']),
        int64('token_type_ids', [1, 'sequence']),
        int64('num_logits_to_keep', []),
        info('use_cache_branch', [1], DataType.BOOL),
      ),
      {
        input_ids: ['int64', [1, 3], [5, 6, 7]],
        attention_mask: ['int32', [1, 3], [1, 1, 1]],
        position_ids: ['int64', [1, 3], [0, 1, 2]],
        token_type_ids: ['int64', [1, 3], [0, 0, 0]],
        num_logits_to_keep: ['int64', [], [0]],
        use_cache_branch: ['bool', [1], [0]],
      },
    );
    assert.deepEqual(await feeds(info('tokens', ['n'], DataType.INT32)), { tokens: ['int32', [3], [5, 6, 7]] });
    assert.deepEqual(await feeds(int64('whatever', [1, 4])), { whatever: ['int64', [1, 4], [5, 6, 7, 5]] });
  });

  it('get an empty past', async () => {
    const past = await feeds(
      ids,
      info('past_key_values.0.key', ['batch', 3, 'past', 8]),
      info('past_key_values.0.value', [1, 3, 'past', 8], DataType.FLOAT16),
      info('past_0', [2, 'batch', 3, 'past', 8]),
    );
    assert.deepEqual(past, {
      input_ids: ['int64', [1, 3], [5, 6, 7]],
      'past_key_values.0.key': ['float32', [1, 3, 0, 8], []],
      'past_key_values.0.value': ['float16', [1, 3, 0, 8], []],
      past_0: ['float32', [2, 1, 3, 0, 8], []],
    });
  });

  it('get the causal mask, where the export leaves it to who runs it', async () => {
    const masks = await feeds(ids, info('mask', ['b', 1, 'q', 'k']));
    assert.deepEqual(masks['mask']![1], [1, 1, 3, 3]);
    assert.deepEqual(
      masks['mask']![2].map((value) => value === 0),
      [true, false, false, true, true, false, true, true, true],
    );
  });

  it('that nobody knows are refused, each by its name', async () => {
    const refuse = async (message: RegExp, ...input: SmallModel['input'] & object): Promise<void> => {
      const graph = await graphOf(...input);
      assert.throws(
        () => foreignInputs(graph),
        (cause: Error) => {
          assert.equal(cause.name, 'InputError');
          assert.match(cause.message, /\.onnx/);
          assert.match(cause.message, message);
          return true;
        },
      );
    };
    await refuse(/input pixel_values \(float \[1, 3, 8, 8\]\) is not known/, ids, info('pixel_values', [1, 3, 8, 8]));
    await refuse(/no input for token ids/, int64('position_ids', [1, 'n']));
    await refuse(/input_ids .*fixed batch/, int64('input_ids', [4, 'n']));
    await refuse(/past_key_values\.0\.key .*fixed past/, ids, info('past_key_values.0.key', [1, 3, 16, 8]));
    await refuse(/left_ids .* and right_ids/, int64('left_ids', [1, 'n']), int64('right_ids', [1, 'n']));
  });

  it('of a fixed length take no longer prompts', async () => {
    const graph = await graphOf(int64('input_ids', [1, 2]));
    assert.throws(
      () => feedsOf(graph, foreignInputs(graph), [1, 2, 3], ['input_ids']),
      /exported for 2 tokens; the prompt has 3\.$/,
    );
    const roles = { ...foreignInputs(graph), bidirectional: true };
    assert.throws(() => feedsOf(graph, roles, [1], ['input_ids']), /a prompt of 2 tokens was expected, not of 1\.$/);
  });
});

describe('a .onnx without', function () {
  this.timeout(30_000);
  const context: RequestContext = { steps: { step: async () => undefined } };
  const service = (): EngineHandlers =>
    createService({
      openCheckpoint,
      findCheckpoints,
      createRunner: (checkpoint) => createRunner(checkpoint, { providers: ['cpu'], log: () => undefined }),
      findSaes: async () => [],
      openSae: () => assert.fail('is refused before'),
      createSaeRunner: () => assert.fail('is refused before'),
      writeSafetensors: () => undefined,
      runtime: () => ({ onnxruntime: '0', providers: [] }),
      log: () => undefined,
    });

  it('a residual stream shows attention, and refuses what needs more, each with its sentence', async () => {
    const file = await foreignOf(exportedCheckpoint('gpt2'), dialects.postNorm);
    const { missing } = (await openCheckpoint(file)).foreign!;
    const engine = service();
    const { id } = await engine.openCheckpoint({ path: file, providers: [] }, context);
    const analysis = await engine.analyze({ checkpointId: id, ids: [3, 1, 4], topK: 2 }, context);
    assert.equal(analysis.predictions.length, 3);
    assert.equal(analysis.surprisal.length, 3);
    const weighted = { analysisId: analysis.id, head: { layer: 0, head: 1 }, weighting: 'value-weighted' as const };
    assert.equal((await engine.pattern({ ...weighted, reduction: 'one' }, context)).n, 3);
    const says = (sentence: string | undefined) => (cause: Error) =>
      cause.name === 'InputError' && cause.message.includes(sentence!);
    await assert.rejects(async () => engine.composition({ checkpointId: id }, context), says(missing.weights));
    await assert.rejects(async () => engine.headScores({ checkpointId: id }, context), says(missing.weights));
    await assert.rejects(
      async () => engine.lens({ checkpointId: id, ids: [3, 1, 4] }, context),
      says(missing.residual),
    );
    await assert.rejects(
      async () => engine.openSae({ checkpointId: id, path: '/nowhere' }, context),
      says(missing.residual),
    );
  });

  it('logits predicts nothing', async () => {
    const file = await foreignOf(exportedCheckpoint('neox-sequential'), dialects.headless);
    const engine = service();
    const info = await engine.openCheckpoint({ path: file, providers: [] }, context);
    assert.ok(info.notices.some((notice) => notice.includes('next tokens are not predicted')));
    const analysis = await engine.analyze({ checkpointId: info.id, ids: [3, 1, 4], topK: 2 }, context);
    assert.deepEqual([analysis.predictions, [...analysis.surprisal]], [[], []]);
    await assert.rejects(
      async () => engine.lens({ checkpointId: info.id, ids: [3, 1] }, context),
      /next tokens are not predicted/,
    );
  });

  it('logits of every token says so', async () => {
    const model = fromBinary(ModelProtoSchema, readFileSync(gpt2));
    const graph = model.graph!;
    for (const { output } of graph.node) output.forEach((name, i) => name === 'logits' && (output[i] = 'all_logits'));
    graph.node.push(node('ReduceMax', ['all_logits'], ['logits'], { axes: [1] }));
    graph.output = [create(ValueInfoProtoSchema, { name: 'logits' })];
    const file = writeFile(join(tempFolder(), 'last.onnx'), toBinary(ModelProtoSchema, model));
    const { foreign } = await openCheckpoint(file);
    assert.match(foreign!.missing.logits!, /not of every token but \[1, 1, 41\] for 5 tokens/);
  });

  it('attention is refused', () =>
    refused(
      openCheckpoint(
        writeModel({
          node: [node('Gather', ['table', 'input_ids'], ['y'])],
          initializer: [floats('table', new Array<number>(40).fill(1), [10, 4])],
          input: [info('input_ids', [1, 'n'], DataType.INT64)],
          output: [info('y')],
        }),
      ),
      /has no attention that is recognised/,
    ));
});

describe('hooks of a foreign graph', function () {
  this.timeout(20_000);

  it('are listed in the order of any model’s, and only those that are there', async () => {
    const whole = await openModel(gpt2);
    const own = await openModel(exportedCheckpoint('gpt2'));
    const all = checkpointHooks(own.checkpoint);
    const names = checkpointHooks(whole.checkpoint);
    assert.deepEqual(
      names,
      all.filter((name) => names.includes(name)),
    );
    const { hooks } = await whole.runner.run({ ids: [1, 2, 3], hooks: names });
    assert.deepEqual(Object.keys(hooks).sort(), [...names].sort());
    for (const name of ['blocks.1.attn.hook_pattern', 'blocks.0.attn.value_norm', 'blocks.1.hook_resid_post', 'logits'])
      assert.ok(names.includes(name), name);
  });
});
