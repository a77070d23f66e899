/** An engine process without a model: what its requests do is said by the prompt of `analyze`. Bundled by its test. */
import { createMessageConnection, IPCMessageReader, IPCMessageWriter } from 'vscode-jsonrpc/node';
import { InputError } from '../../src/engine/checkpoint/errors';
import { GoneError } from '../../src/engine/errors';
import { exitWithParent } from '../../src/engine/parentWatch';
import { serve } from '../../src/engine/server';
import type { EngineHandlers, RequestContext } from '../../src/engine/service';
import type { AnalysisInfo } from '../../src/protocol/analysis';

if (process.env.FAKE_ENGINE === 'broken') throw new Error('libfake.so cannot be opened');
exitWithParent();

/** Blocks the thread as a native run does. */
const block = (ms: number): void => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

const answer = { tokens: [], surprisal: Float32Array.of(NaN, 1.5) } as unknown as AnalysisInfo;
const grown: Buffer[] = [];
let lastStep = 'none';
let hundredSteps = Promise.resolve();

const prompts: Record<string, (context: RequestContext) => Promise<void> | void> = {
  fine: () => undefined,
  'where did it stop': () => {
    throw new InputError(lastStep);
  },
  'bad input': () => {
    throw new InputError('x.json: n_layers is "two", a number was expected.');
  },
  'bad sentence': () => {
    throw new InputError('Cannot read properties of undefined (reading moon).');
  },
  grow: () => void grown.push(Buffer.alloc(300e6, 1)),
  gone: () => {
    throw new GoneError('no longer there');
  },
  bug: () => {
    throw new TypeError('cannot read the moon');
  },
  'stray rejection': () => void Promise.reject(new Error('nobody awaits me')),
  'hundred steps': ({ steps }) =>
    (hundredSteps = (async () => {
      for (let i = 0; i < 100; i++) {
        lastStep = `step ${i}`;
        await steps.step(lastStep, i / 100);
        block(20);
      }
    })()),
  block: () => block(60_000),
  'after the hundred steps': () => hundredSteps,
  'block after the hundred steps': async () => {
    await hundredSteps;
    block(60_000);
  },
  'die talking': () => {
    console.error('Error: the last words');
    process.exit(3);
  },
};

const handlers: Partial<EngineHandlers> = {
  version: () => ({ pid: process.pid, onnxruntime: 'none', providers: [] }),
  analyze: async ({ text }, context) => {
    await prompts[text!]!(context);
    return answer;
  },
  // two arrays on one larger buffer: views must arrive as what they show
  pattern: () => {
    const all = Float32Array.from({ length: 3_000_000 }, (_, i) => i / 7);
    return { n: 1000, values: all.subarray(1_000_000, 2_000_000), argHead: Uint16Array.of(1, 65535, 3) };
  },
};

const connection = createMessageConnection(new IPCMessageReader(process), new IPCMessageWriter(process));
serve(connection, handlers as EngineHandlers);
connection.listen();
process.on('unhandledRejection', (reason) => console.error('unhandled:', reason));
