/** `circuitscope mcp` as a process, through the SDK's own client, against what the command line prints. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { tools } from '../../src/engine/tools/table';
import { circuitscope, succeed } from './support/cli';
import { readTensors, ROOT, SAMPLES, tempFolder } from './support/files';

const CLI = join(ROOT, 'dist/cli.js');
const MODEL = 'attn-only-2l';
const TEXT = 'function add(a, b) {\n  return a + b;\n}\nfunction add';
const SAE_TEXT = 'for (const item of items) total = add(total, item);\n';
const CPU = ['--provider', 'cpu'];

/** As the tools round. */
const rounded = (value: number | null): number | null => (value === null ? null : Number(value.toPrecision(4)));

async function connected(...args: string[]): Promise<Client> {
  const client = new Client({ name: 'test', version: '1' });
  await client.connect(
    new StdioClientTransport({ command: process.execPath, args: [CLI, 'mcp', ...args, ...CPU], cwd: SAMPLES }),
  );
  return client;
}

describe('circuitscope mcp', function () {
  this.timeout(30_000);
  let client: Client;
  before(async () => (client = await connected(MODEL)));
  after(() => client.close());

  const call = async (name: string, input: object, from = client): Promise<CallToolResult> =>
    (await from.callTool({ name, arguments: { ...input } })) as CallToolResult;
  const textOf = ({ content }: CallToolResult): string => {
    assert.equal(content.length, 1);
    return content[0]!.type === 'text' ? content[0]!.text : assert.fail(content[0]!.type);
  };
  const ask = async <T>(name: string, input: object, from = client): Promise<T> => {
    const result = await call(name, input, from);
    assert.ok(!result.isError, textOf(result));
    assert.deepEqual(JSON.parse(textOf(result)), result.structuredContent);
    return result.structuredContent as T;
  };
  const printed = async <T>(command: string, ...args: string[]): Promise<T> =>
    JSON.parse((await succeed(command, join(SAMPLES, MODEL), ...args, '--json')).stdout) as T;

  it('lists the tools of the table, read-only', async () => {
    const listed = (await client.listTools()).tools;
    assert.deepEqual(
      listed.map(({ name, title, description }) => ({ name, title, description })),
      tools.map(({ name, title, description }) => ({ name, title, description })),
    );
    for (const [i, { inputSchema, annotations }] of listed.entries()) {
      assert.deepEqual(inputSchema, { required: [], ...tools[i]!.inputSchema });
      assert.equal(annotations?.readOnlyHint, true);
    }
    assert.match(client.getInstructions()!, /open_checkpoint/);
  });

  it('open_checkpoint says what info prints, and opens nothing twice', async () => {
    const facts = await printed<Record<string, unknown>>('info');
    const opened = await ask<Record<string, unknown>>('open_checkpoint', { checkpoint: MODEL });
    for (const key of ['name', 'path', 'architecture', 'nLayers', 'nHeads', 'dModel', 'nCtx', 'nParams', 'bytes'])
      assert.deepEqual(opened[key], facts[key], key);
    assert.deepEqual([opened['provider'], opened['hasTokenizer']], ['cpu', true]);
    await ask('open_checkpoint', { checkpoint: join(SAMPLES, MODEL, 'config.json') });
    const { open } = await ask<{ open: { path: string }[] }>('list_checkpoints', {});
    assert.deepEqual(open, [{ name: MODEL, path: join(SAMPLES, MODEL), architecture: 'attn_only' }]);
  });

  it('attention is that of `run --hooks`', async () => {
    const out = join(tempFolder(), 'pattern.safetensors');
    const hook = 'blocks.1.attn.hook_pattern';
    await succeed('run', join(SAMPLES, MODEL), '--prompt', TEXT, '--hooks', hook, '--out', out, ...CPU);
    const { shape, data } = readTensors(out)[hook]!;
    const n = shape[1]!;
    interface Attention {
      nTokens: number;
      rows: { destination: number; sources: { source: number; weight: number }[] }[];
      more: string;
    }
    const got = await ask<Attention>('attention', { head: 'L1H5', text: TEXT, from: n - 3, rows: 2, top: 4 });
    assert.equal(got.nTokens, n);
    assert.deepEqual(
      got.rows.map(({ destination }) => destination),
      [n - 3, n - 2],
    );
    assert.equal(got.more, `Tokens ${n - 3} to ${n - 2} of ${n} are given; “from”: ${n - 1} gives the next.`);
    for (const { destination, sources } of got.rows) {
      const row = data.subarray((5 * n + destination) * n, (5 * n + destination) * n + destination + 1);
      const weights = Array.from(row).sort((a, b) => b - a);
      assert.equal(sources.length, 4);
      sources.forEach(({ source, weight }, i) => {
        // 4 digits, and the rounding of another session
        const near = (value: number): void => assert.ok(Math.abs(weight - value) <= 5.001e-4 * value + 1e-6);
        near(row[source]!);
        near(weights[i]!);
      });
    }
  });

  it('head_scores are those of heads', async () => {
    const printedHeads = await printed<({ layer: number; head: number } & Record<string, number>)[]>('heads', ...CPU);
    const expected = printedHeads
      .sort((a, b) => b['previousToken']! - a['previousToken']!)
      .map(({ layer, head, ...scores }) => ({
        head: `L${layer}H${head}`,
        ...Object.fromEntries(Object.entries(scores).map(([name, value]) => [name, rounded(value)])),
      }));
    interface Scores {
      heads: object[];
      more: string;
      units: Record<string, string>;
    }
    const most = await ask<Scores>('head_scores', { sortBy: 'previousToken', top: 15 });
    assert.deepEqual(most.heads, expected.slice(0, 15));
    assert.equal(most.more, '15 of 16 heads are given; a larger “top” gives more.');
    assert.deepEqual(Object.keys(most.units), Object.keys(expected[0]!).slice(1));
    const one = await ask<Scores>('head_scores', { head: 'L1H5' });
    assert.deepEqual(one.heads, expected.filter(({ head }) => head === 'L1H5')); // prettier-ignore
  });

  it('composition is that of composition', async () => {
    type Ref = { layer: number; head: number };
    type Pair = { earlier: Ref; later: Ref } & Record<'Q' | 'K' | 'V', number>;
    const { pairs, baseline } = await printed<{ pairs: Pair[]; baseline: Record<string, number> }>('composition', ...CPU); // prettier-ignore
    const name = ({ layer, head }: Ref): string => `L${layer}H${head}`;
    const expected = (kind: 'Q' | 'K' | 'V', some = pairs): object[] =>
      [...some]
        .sort((a, b) => b[kind] - a[kind])
        .map((pair) => ({
          earlier: name(pair.earlier),
          later: name(pair.later),
          score: rounded(pair[kind]),
          aboveRandom: rounded(pair[kind] - baseline[kind]!),
        }));
    interface Got {
      random: object;
      pairs: Record<string, object[]>;
      more: string;
    }
    const got = await ask<Got>('composition', { top: 7 });
    assert.deepEqual(Object.keys(got.pairs), ['Q', 'K', 'V']);
    for (const kind of ['Q', 'K', 'V'] as const) assert.deepEqual(got.pairs[kind], expected(kind).slice(0, 7));
    assert.deepEqual(got.random, Object.fromEntries(Object.entries(baseline).map(([k, v]) => [k, rounded(v)])));
    assert.equal(got.more, `7 of ${pairs.length} pairs of each kind are given; a larger “top” gives more.`);
    const ofHead = await ask<Got>('composition', { kind: 'K', head: 'L1H5', top: 200 });
    assert.deepEqual(ofHead.pairs, { K: expected('K', pairs.filter(({ later }) => name(later) === 'L1H5')) }); // prettier-ignore
  });

  it('logit_attribution is that of paths, and its terms add up', async () => {
    interface Paths {
      logit: number;
      sum: number;
      token: { id: number; text: string };
      terms: { name: string; kind: string; value: number }[];
    }
    const expected = await printed<Paths>('paths', '--prompt', TEXT, ...CPU);
    interface Got extends Omit<Paths, 'token'> {
      nextToken: Paths['token'];
      rest: { terms: number; value: number };
      terms: (Paths['terms'][number] & { mostFrom?: object })[];
    }
    const got = await ask<Got>('logit_attribution', { text: TEXT, top: 6 });
    assert.deepEqual([got.nextToken, got.logit], [expected.token, rounded(expected.logit)]);
    assert.deepEqual(
      got.terms,
      // the tool also says which source a term took most from
      expected.terms.slice(0, 6).map((term, i) => ({
        ...term,
        value: rounded(term.value),
        ...('mostFrom' in got.terms[i]! && { mostFrom: got.terms[i].mostFrom }),
      })),
    );
    assert.equal(got.rest.terms, expected.terms.length - 6);
    const sum = got.terms.reduce((total, { value }) => total + value, got.rest.value);
    assert.ok(Math.abs(sum - expected.sum) < 6 * 5e-3 + 5e-3, `${sum} is not ${expected.sum}`);
    const other = await ask<Got>('logit_attribution', { text: TEXT, position: 2, tokenId: 7 });
    assert.deepEqual(other.nextToken.id, 7);
  });

  it('latents are those of latents, beside another model that its call names', async () => {
    const names = { checkpoint: 'neox-6l', mlsae: 'mlsae-neox-6l-x16-k16' };
    interface Cli {
      layers: number[];
      latents: { latent: number; value: number }[][][];
      perLayer: { layer: number; fvu: number; l0: number }[];
      active: { latent: number; max: number; maxToken: number; maxLayer: number; nTokens: number; layerMean: number; layerStd: number }[]; // prettier-ignore
    }
    const sae = ['--mlsae', join(SAMPLES, names.mlsae)];
    const { stdout } = await succeed('latents', join(SAMPLES, names.checkpoint), ...sae, '--prompt', SAE_TEXT, '--json', ...CPU); // prettier-ignore
    const expected = JSON.parse(stdout) as Cli;
    interface Got {
      layers: number[];
      latents: object[];
      tokens: { position: number; latents: { latent: number; max: number; layer: number }[] }[];
      perLayer: object[];
      moreLatents: string;
    }
    const got = await ask<Got>('latents', { ...names, text: SAE_TEXT, top: 5 });
    assert.deepEqual(got.layers, expected.layers);
    assert.deepEqual(
      got.latents,
      expected.active.slice(0, 5).map(({ latent, max, maxToken, maxLayer, nTokens, layerMean, layerStd }) => ({
        ...{ latent, max: rounded(max), at: { position: maxToken, layer: maxLayer }, nTokens },
        ...{ layerMean: rounded(layerMean), layerStd: rounded(layerStd) },
      })),
    );
    assert.match(got.moreLatents, new RegExp(`^5 of ${expected.active.length} active latents`));
    assert.deepEqual(
      got.perLayer,
      expected.perLayer.map(({ layer, fvu, l0 }) => ({ layer, fvu: rounded(fvu), l0: rounded(l0) })),
    );
    for (const { position, latents } of got.tokens) {
      const strongest = expected.latents
        .map((tokens, l) => ({ ...tokens[position]![0]!, layer: expected.layers[l]! }))
        .sort((a, b) => b.value - a.value)[0]!;
      assert.deepEqual(latents[0], { latent: strongest.latent, max: rounded(strongest.value), layer: strongest.layer });
    }
    // both are open now, and the one that was opened last is the default
    const { closed } = await ask<{ closed: string }>('close_checkpoint', {});
    assert.equal(closed, join(SAMPLES, names.checkpoint));
    const { openAutoencoders } = await ask<{ openAutoencoders: object[] }>('list_checkpoints', {});
    assert.deepEqual(openAutoencoders, []);
  });

  const mistakes: [string, string, object, RegExp][] = [
    ['a tool that is not there', 'fly', {}, /^There is no tool "fly": expected open_checkpoint, /],
    ['a field that is not there', 'attention', { head: 'L0H0', txt: '' }, /^attention: there is no “txt”; expected /],
    ['a missing field', 'attention', { text: 'a' }, /^attention: “head” is missing; a text of at most 4096 characters/],
    [
      'a number out of bounds',
      'head_scores',
      { top: 5000 },
      /“top” is 5000; a whole number from 1 to 200 was expected/,
    ],
    ['a text for a number', 'head_scores', { top: '5' }, /“top” is "5"; a whole number/],
    ['another word', 'head_scores', { sortBy: 'size' }, /“sortBy” is "size"; one of previousToken, /],
    [
      'ids that are none',
      'attention',
      { head: 'L0H0', ids: [1, -1] },
      /“ids” is \[1,-1\]; an array of 1 to 1024 token ids/,
    ],
    ['neither text nor ids', 'attention', { head: 'L0H0' }, /^Expected either a text or token ids\.$/],
    ['no head', 'attention', { head: 'five', text: 'a' }, /^“five” is no head; expected one such as L1H4\.$/],
    ['a head too many', 'composition', { head: 'L2H0' }, /^There is no head L2H0 in attn-only-2l: expected L0H0 to L1H7\.$/], // prettier-ignore
    [
      'a position too many',
      'attention',
      { head: 'L0H0', text: 'a', from: 9 },
      /“from” is 9; the text has tokens 0 to 0/,
    ],
    ['two tokens for one', 'logit_attribution', { text: 'a', token: 'return function' }, /expected exactly one/],
    ['no autoencoder', 'latents', { text: 'a' }, /^No sparse autoencoder is open beside attn-only-2l: /],
    ['no such checkpoint', 'attention', { checkpoint: 'gone', head: 'L0H0', text: 'a' }, /gone does not exist/],
    ['a text too long', 'attention', { head: 'L0H0', text: 'a '.repeat(60_000) }, /^attention: “text” is "a a [^\n]{0,200} was expected\.$/], // prettier-ignore
  ];
  for (const [title, name, input, message] of mistakes)
    it(`one sentence: ${title}`, async () => {
      const result = await call(name, input);
      assert.equal(result.isError, true);
      assert.match(textOf(result), message);
      assert.doesNotMatch(textOf(result), /\n/);
    });

  it('reports progress, stops when it is cancelled, and goes on serving', async () => {
    const input = { name: 'head_scores', arguments: { seed: 3 } };
    const all: number[] = [];
    await client.callTool(input, undefined, { onprogress: ({ progress }) => all.push(progress) });
    assert.ok(all.length > 5);
    assert.deepEqual(
      all,
      all.map((_, i) => i + 1),
    );
    // all that arrives, since the client itself no longer listens after it has cancelled
    const transport = client.transport!;
    const read = transport.onmessage!;
    let arrived = 0;
    transport.onmessage = (message, extra) => {
      if ('method' in message && message.method === 'notifications/progress') arrived++;
      read(message, extra);
    };
    try {
      const source = new AbortController();
      const options = { signal: source.signal, onprogress: () => source.abort() };
      await assert.rejects(client.callTool(input, undefined, options), /abort/i);
      // waits for the runs of the other, where it goes on
      await ask('composition', { top: 1 });
    } finally {
      transport.onmessage = read;
    }
    assert.ok(arrived >= 1 && arrived < all.length / 2, `${arrived} of ${all.length} steps`);
  });

  it('opens an autoencoder with the checkpoint at the start, and closes when its client goes', async () => {
    const other = await connected('neox-6l', '--mlsae', 'mlsae-neox-6l-x16-k16');
    const { mlsae } = await ask<{ mlsae: string }>('latents', { text: 'x = 1', rows: 1, top: 1 }, other);
    assert.equal(mlsae, 'mlsae ×16 k16');
    await other.close();
  });

  it('stdout has nothing but messages, whatever comes in; the process and its work end with its input', async () => {
    const child = spawn(process.execPath, [CLI, 'mcp', ...CPU], { cwd: SAMPLES });
    let [out, log] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
    const send = (message: unknown): void => void child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...(message as object) })}\n`); // prettier-ignore
    child.stdin.write('this is no message\n{"jsonrpc": "1.0"}\n');
    const clientInfo = { name: 'test', version: '1' };
    send({ id: 1, method: 'initialize', params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo } });
    send({ method: 'notifications/initialized' });
    send({ id: 2, method: 'tools/call', params: { name: 'open_checkpoint', arguments: { checkpoint: MODEL } } });
    while (!out.includes('"id":2')) await once(child.stdout, 'data');
    const work = { name: 'head_scores', arguments: {}, _meta: { progressToken: 7 } };
    send({ id: 3, method: 'tools/call', params: work });
    while (!out.includes('notifications/progress')) await once(child.stdout, 'data');
    child.stdin.end();
    const [code] = (await once(child, 'close')) as [number];
    assert.equal(code, 0);
    const messages = out.trimEnd().split('\n').map((line) => JSON.parse(line) as { id?: number; method?: string }); // prettier-ignore
    const answered = messages.flatMap(({ id }) => (id === undefined ? [] : [id]));
    assert.deepEqual(answered, [1, 2]);
    assert.ok(messages.length - 2 < 6, `${messages.length - 2} steps`);
    assert.match(log, /Model Context Protocol: /);
  });

  it('a mistake in its arguments exits with 2 and one line', async () => {
    const wrong: [string[], RegExp][] = [
      [['mcp', join(SAMPLES, 'nothing'), ...CPU], /nothing does not exist/],
      [['mcp', '--mlsae', SAMPLES], /--mlsae needs a checkpoint/],
      [['mcp', join(SAMPLES, MODEL), '--mlsae', join(SAMPLES, MODEL), ...CPU], /is a model, not a sparse autoencoder/],
    ];
    const outputs = await Promise.all(wrong.map(([args]) => circuitscope(...args)));
    for (const [i, [, message]] of wrong.entries()) {
      const { status, stdout, stderr } = outputs[i]!;
      assert.deepEqual([status, stdout], [2, ''], stderr);
      assert.match(stderr, /^circuitscope: [^\n]+\n$/);
      assert.match(stderr, message);
    }
  });

  it('its library is loaded by no other command', () => {
    const loaded = (...args: string[]): string =>
      execFileSync(process.execPath, [
        '-e',
        `process.argv = ['node', 'cli', ...${JSON.stringify(args)}];
         process.on('exit', () => console.error(Object.keys(require.cache).join('\\n')));
         console.error = (text) => require('fs').writeSync(1, text);
         require(${JSON.stringify(CLI)});`,
      ]).toString();
    assert.match(loaded('mcp', '--help'), /cli\.js/);
    assert.doesNotMatch(loaded('info', join(SAMPLES, MODEL)), /mcp\.js/);
    // the process ends with its empty input
    assert.match(loaded('mcp'), /mcp\.js/);
  });

  it('a copy of a checkpoint is another checkpoint', async () => {
    const folder = join(tempFolder(), 'copy');
    cpSync(join(SAMPLES, MODEL), folder, { recursive: true });
    const { name } = await ask<{ name: string }>('open_checkpoint', { checkpoint: folder });
    assert.equal(name, 'copy');
    assert.deepEqual((await ask<{ checkpoint: string }>('composition', { top: 1 })).checkpoint, 'copy');
    await ask('close_checkpoint', { checkpoint: folder });
  });
});
