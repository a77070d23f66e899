/** Activations of other tools compared with ours, and patterns as CircuitsVis takes them; naive readings of the same files. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { readFileSync, writeFileSync } from 'node:fs';
import type { ActivationComparison, CircuitsVisInput } from '../../src/protocol/interop';
import { readMetadata } from '../../src/engine/checkpoint/safetensors';
import { circuitscope, succeed } from './support/cli';
import { assertClose, HOOK_BAR } from './support/closeness';
import { readTensors, SAMPLES, tempFolder, writeTensors, type TestTensor } from './support/files';

const CPU = ['--provider', 'cpu'];
const sample = join(SAMPLES, 'attn-only-2l');
const PROMPT = 'def add(a, b):\n  return "add"';

describe('activations of other tools', function () {
  this.timeout(30_000);
  const folder = tempFolder();
  const ours = join(folder, 'ours.safetensors');
  const PATTERN = 'blocks.1.attn.hook_pattern';
  let tensors: Record<string, TestTensor>;

  const compare = async (file: string, ...more: string[]): Promise<ActivationComparison> => {
    const given = more.length ? more : ['--checkpoint', sample];
    return JSON.parse((await succeed('activations', file, ...given, '--json', ...CPU)).stdout) as ActivationComparison;
  };
  const write = (name: string, made: Record<string, TestTensor>): string =>
    writeTensors(join(folder, `${name}.safetensors`), made);

  before(async () => {
    const hooks = 'hook_embed,blocks.1.*,logits';
    await succeed('run', sample, '--prompt', PROMPT, '--hooks', hooks, '--out', ours, ...CPU);
    tensors = readTensors(ours) as Record<string, TestTensor>;
  });

  it('what we write says its prompt and tokens', async () => {
    const metadata = await readMetadata(ours);
    assert.equal(metadata.prompt, PROMPT);
    assert.equal(metadata.model, 'attn-only-2l');
    assert.equal((JSON.parse(metadata.tokens!) as string[]).join(''), PROMPT);
    const ids = JSON.parse(metadata.ids!) as number[];
    assert.equal(ids.length, tensors.hook_embed!.shape[0]);
    const { hooks, skipped } = await compare(ours);
    assert.deepEqual(skipped, []);
    assert.equal(hooks.length, Object.keys(tensors).length);
    // the first run of a process rounds otherwise than later ones
    for (const { hook, largest, scale } of hooks) assert.ok(largest <= HOOK_BAR * scale, `${hook}: ${largest}`);
  });

  it('says the largest difference of every hook and where it is, with a batch dimension too', async () => {
    const { data, shape } = tensors[PATTERN]!;
    const changed = Float64Array.from(data);
    const at = [3, 5, 2];
    const n = shape[1]!;
    const place = (at[0]! * n + at[1]!) * n + at[2]!;
    changed[place]! += 0.25;
    changed[place + 1]! -= 0.125;
    const file = write('batch', { [PATTERN]: { shape: [1, ...shape], data: changed, dtype: 'F64' } });
    const { hooks } = await compare(file, '--checkpoint', sample, '--prompt', PROMPT);
    assert.equal(hooks.length, 1);
    assert.deepEqual(hooks[0]!.at, at);
    assert.ok(Math.abs(hooks[0]!.largest - 0.25) < HOOK_BAR);
    assert.ok(Math.abs(hooks[0]!.ours - data[place]!) < HOOK_BAR);
    const { stdout } = await succeed('activations', file, '--checkpoint', sample, '--prompt', PROMPT, ...CPU);
    assert.match(stdout, /blocks\.1\.attn\.hook_pattern +0\.250 .*\[3, 5, 2\]/);
  });

  it('reads half precision, and tells what it does not compare', async () => {
    const embed = tensors.hook_embed!;
    const file = write('half', {
      hook_embed: { ...embed, dtype: 'F16' },
      'blocks.1.hook_resid_post': { ...tensors['blocks.1.hook_resid_post']!, dtype: 'BF16' },
      'blocks.1.ln1.hook_normalized': embed,
      [PATTERN]: { shape: [2, 2], data: [1, 2, 3, 4] },
      logits: { shape: tensors.logits!.shape, data: Array.from(tensors.logits!.data, Math.round), dtype: 'I64' },
    });
    const { hooks, skipped } = await compare(file, '--checkpoint', sample, '--prompt', PROMPT);
    const by = new Map(hooks.map((hook) => [hook.hook, hook]));
    // the embedding is stored as F16: nothing is lost; bfloat16 has 8 bits
    assert.equal(by.get('hook_embed')!.largest, 0);
    const { largest, scale } = by.get('blocks.1.hook_resid_post')!;
    assert.ok(largest > 0 && largest <= scale / 256, `${largest} of ${scale}`);
    const reasons = new Map(skipped.map(({ name, reason }) => [name, reason]));
    assert.match(reasons.get('blocks.1.ln1.hook_normalized')!, /no hook of this model/);
    assert.match(reasons.get(PATTERN)!, /shape is \[2, 2\]; \[8, /);
    assert.match(reasons.get('logits')!, /dtype is I64/);
  });

  it('takes one key and value head of each group, as TransformerLens keeps them', async () => {
    const model = join(SAMPLES, 'stories260K');
    const out = join(folder, 'gqa.safetensors');
    await succeed('run', model, '--ids', '1,5,9', '--hooks', 'blocks.0.attn.hook_k', '--out', out, ...CPU);
    const { shape, data } = readTensors(out)['blocks.0.attn.hook_k']!;
    const [n, heads, dHead] = shape as [number, number, number];
    assert.deepEqual([n, heads], [3, 8]);
    const half = Array.from(data).filter((_, i) => Math.floor(i / dHead) % 2 === 0);
    half[dHead * 4 + 1]! += 1; // position 1, group 0
    const file = write('gqa-tl', { 'blocks.0.attn.hook_k': { shape: [1, n, heads / 2, dHead], data: half } });
    const { hooks } = await compare(file, '--checkpoint', model, '--ids', '1,5,9');
    assert.deepEqual(hooks[0]!.at, [1, 0, 1]);
    assert.ok(Math.abs(hooks[0]!.largest - 1) < HOOK_BAR);
  });

  it('a value that is no number is the largest difference', async () => {
    const embed = tensors.hook_embed!;
    const data = Array.from(embed.data);
    data[300] = NaN;
    data[2] = 1e9;
    const file = write('nan', { hook_embed: { shape: embed.shape, data } });
    const { hooks } = await compare(file, '--checkpoint', sample, '--prompt', PROMPT);
    assert.equal(hooks[0]!.largest, null);
    assert.deepEqual(hooks[0]!.at, [1, 44]);
  });

  it('lists a file, and refuses in one sentence', async () => {
    const { stdout } = await succeed('activations', ours);
    assert.match(stdout, /prompt: def·add/);
    assert.match(stdout, /hook_embed +F32 +\[\d+, 256\]/);
    const bare = write('bare', { hook_embed: tensors.hook_embed! });
    const refused = async (message: RegExp, ...args: string[]): Promise<void> => {
      const { status, stderr } = await circuitscope('activations', ...args);
      assert.equal(status, 2, stderr);
      assert.match(stderr, message);
    };
    await refused(/has no ids in its metadata: give --prompt/, bare, '--checkpoint', sample);
    await refused(/a prompt needs --checkpoint/, bare, '--prompt', 'x');
    const bytes = readFileSync(ours);
    writeFileSync(join(folder, 'cut.safetensors'), bytes.subarray(0, bytes.length - 4));
    await refused(/it is truncated/, join(folder, 'cut.safetensors'), '--checkpoint', sample);
  });

  it('patterns for CircuitsVis: [head, destination, source] with the names of heads', async () => {
    const all = readTensors(ours)[PATTERN]!;
    const vis = async (...args: string[]): Promise<CircuitsVisInput> =>
      JSON.parse(
        (await succeed('patterns', sample, '--prompt', PROMPT, '--json', ...args, ...CPU)).stdout,
      ) as CircuitsVisInput;
    const layer = await vis('--layer', '1');
    assert.deepEqual(Object.keys(layer), ['tokens', 'attention', 'attention_head_names']);
    assert.equal(layer.tokens.join(''), PROMPT);
    assert.deepEqual(
      layer.attention_head_names,
      Array.from({ length: 8 }, (_, h) => `L1H${h}`),
    );
    assertClose(PATTERN, { shape: all.shape, data: layer.attention.flat(2) }, all);
    const out = join(folder, 'vis.json');
    const one = await vis('--head', 'L1H5', '--out', out);
    assert.deepEqual(one.attention, [layer.attention[5]]);
    assert.deepEqual(JSON.parse(readFileSync(out, 'utf8')), one);
    assert.deepEqual((await vis()).attention_head_names.length, 16);
    const { status, stderr } = await circuitscope(
      'patterns',
      sample,
      '--prompt',
      'x',
      '--layer',
      '2',
      '--json',
      ...CPU,
    );
    assert.equal(status, 2);
    assert.match(stderr, /no layer 2 in this model: expected 0–1/);
  });
});
