/** What a person waits for on GPT-2 small's shape, through the real engine process: ratios of one run, medians of several. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { openCheckpoint } from '../../src/engine/checkpoint/open';
import { expandHooks } from '../../src/engine/graph/hooks';
import { createRunner } from '../../src/engine/runtime/runner';
import type { ForwardRequest } from '../../src/engine/runtime/types';
import { EngineClient } from '../../src/host/engineClient';
import { GPT2_SMALL, writeGpt2Small } from './gpt2Small';

const REPEATS = 5;
const print = (line: string): void => void process.stdout.write(`${line}\n`);

async function median(work: () => Promise<unknown>): Promise<number> {
  await work(); // loads what is not loaded
  const times: number[] = [];
  for (let i = 0; i < REPEATS; i++) {
    const start = performance.now();
    await work();
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[Math.floor(REPEATS / 2)]!;
}

const idsOf = (n: number): number[] => Array.from({ length: n }, (_, i) => (i * 7919) % GPT2_SMALL.dVocab);

async function forward(folder: string): Promise<void> {
  const checkpoint = await openCheckpoint(folder);
  const runner = await createRunner(checkpoint, { providers: ['cpu'], log: () => undefined });
  const everything = expandHooks(checkpoint.description, [
    'blocks.*.attn.hook_pattern',
    'blocks.*.hook_resid_post',
    'logits',
  ]);
  print('| tokens | forward, logits only | with all patterns and residuals | ratio |');
  print('| --- | --- | --- | --- |');
  for (const n of [128, 512, 1024]) {
    const time = (request: Omit<ForwardRequest, 'ids'>): Promise<number> =>
      median(() => runner.run({ ids: idsOf(n), ...request }));
    const plain = await time({ hooks: ['logits'] });
    const hooked = await time({ hooks: everything });
    print(`| ${n} | ${plain.toFixed(0)} ms | ${hooked.toFixed(0)} ms | ${(hooked / plain).toFixed(2)} |`);
  }
  await runner.dispose();
}

async function panel(folder: string): Promise<void> {
  const engine = new EngineClient(path.resolve('dist', 'engine.js'), () => undefined);
  await engine.start();
  const checkpoint = await engine.request('openCheckpoint', { path: folder, providers: ['cpu'] });
  const toHeatmap = (n: number) => async (): Promise<void> => {
    const info = await engine.request('analyze', { checkpointId: checkpoint.id, ids: idsOf(n), topK: 5 });
    const analysisId = info.id;
    await Promise.all([
      engine.request('thumbnails', { analysisId, weighting: 'pattern', size: 84 }),
      engine.request('pattern', { analysisId, reduction: 'one', weighting: 'pattern', head: { layer: 5, head: 5 } }),
    ]);
    await engine.request('closeAnalysis', { analysisId });
  };
  const cold = performance.now();
  await toHeatmap(128)();
  const first = performance.now() - cold;
  const peak = peakBytes(engine.pid!);
  const warm = await median(toHeatmap(128));
  const lag = await lagDuring(toHeatmap(1024));
  print(
    `\nPrompt to heatmap, 128 tokens: first ${first.toFixed(0)} ms, warm ${warm.toFixed(0)} ms (bar: 300 ms on 4 idle cores).`,
  );
  print(`Event-loop lag of the caller during 1024 tokens: p99 ${lag.toFixed(1)} ms (bar: 20 ms).`);
  if (peak)
    print(
      `Peak memory of the engine after the first prompt ÷ checkpoint: ${(peak / checkpoint.bytes).toFixed(2)} (bar: 1.3 and what was asked for).`,
    );
  engine.dispose();
}

/** Linux only. */
function peakBytes(pid: number): number | undefined {
  try {
    return 1024 * Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  } catch {
    return undefined;
  }
}

async function lagDuring(work: () => Promise<void>): Promise<number> {
  const lags: number[] = [];
  let last = performance.now();
  const timer = setInterval(() => {
    lags.push(performance.now() - last - 5);
    last = performance.now();
  }, 5);
  await work();
  clearInterval(timer);
  return lags.sort((a, b) => a - b)[Math.floor(lags.length * 0.99)] ?? 0;
}

async function main(): Promise<void> {
  const folder = await writeGpt2Small();
  await panel(folder);
  await forward(folder);
}
void main();
