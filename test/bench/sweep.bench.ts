/** Tokens per second of a sweep with the samples, and where the time goes. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openCheckpoint } from '../../src/engine/checkpoint/open';
import { layerHook } from '../../src/engine/graph/hooks';
import { corpusFiles } from '../../src/engine/mlsae/corpus/files';
import { sequences } from '../../src/engine/mlsae/corpus/sequences';
import { sweep } from '../../src/engine/mlsae/corpus/sweep';
import { encodeIds } from '../../src/engine/mlsae/encodePrompt';
import { openSae } from '../../src/engine/mlsae/open';
import { createSaeRunner } from '../../src/engine/mlsae/runner';
import { createRunner } from '../../src/engine/runtime/runner';

const TOKENS = Number(process.argv[2] ?? 60_000);
const steps = { step: async (): Promise<void> => undefined };
const print = (line: string): void => void process.stdout.write(`${line}\n`);

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

async function main(): Promise<void> {
  const checkpoint = await openCheckpoint('samples/neox-6l');
  const runner = await createRunner(checkpoint, { providers: ['cpu'], log: () => undefined });
  const sae = await openSae('samples/mlsae-neox-6l-x16-k16', checkpoint);
  const open = { sae, saeRunner: createSaeRunner(sae, runner.provider), model: { checkpoint, runner } };
  const corpus = { folder: process.cwd(), globs: ['src/**/*.ts', 'webview/**/*.ts'], maxTokens: TOKENS };
  const files = await corpusFiles(corpus);
  const out = mkdtempSync(path.join(tmpdir(), 'circuitscope-bench-'));
  const ids: number[][] = [];
  const tokenize = await seconds(async () => {
    for await (const sequence of sequences(corpus, checkpoint, { files })) ids.push(sequence.ids);
  });
  const hooks = sae.layers.map((layer) => layerHook(layer, 'residPost'));
  await encodeIds(open, ids[0]!, steps);
  const forward = await seconds(async () => {
    for (const each of ids) await runner.run({ ids: each, hooks });
  });
  const encoded = await seconds(async () => {
    for (const each of ids) await encodeIds(open, each, steps);
  });
  const whole = await seconds(() => sweep(open, { corpus, out }, steps));
  rmSync(out, { recursive: true });
  const tokens = ids.reduce((sum, each) => sum + each.length, 0);
  const rest = whole - encoded - tokenize;
  print(`| ${tokens} tokens in ${ids.length} sequences | s | share |\n| --- | --- | --- |`);
  for (const [name, time] of [
    ['read and tokenize', tokenize],
    ['model', forward],
    ['encode and decode', encoded - forward],
    ['sums, examples, the means of the first 16,384 tokens, saving', rest],
    ['sweep', whole],
  ] as const)
    print(`| ${name} | ${time.toFixed(2)} | ${((100 * time) / whole).toFixed(0)} % |`);
  print(`\n${(tokens / whole).toFixed(0)} tokens per second`);
}
void main();
