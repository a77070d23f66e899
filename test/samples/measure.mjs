// What a sample's README says of it: measured with the command line, as anybody can.
import { Tokenizer } from '@huggingface/tokenizers';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { root, SetupError } from '../harness/common.mjs';

/** Repeated random tokens: so many, said twice, in so many sequences. */
const RANDOM = { length: 100, batch: 32 };

/** The command line's own output goes on where `show` is set. @returns what it printed as JSON */
export function circuitscope(args, { show = false } = {}) {
  const command = [path.join(root, 'dist', 'cli.js'), ...args, '--json'];
  const stdio = ['ignore', 'pipe', show ? 'inherit' : 'pipe'];
  const done = spawnSync(process.execPath, command, { stdio, encoding: 'utf8', maxBuffer: 1 << 28 });
  if (done.error) throw done.error;
  if (done.status !== 0) {
    if (done.stderr) console.error(done.stderr);
    throw new SetupError(`circuitscope ${args[0]} ended with ${done.status ?? done.signal}: see above, and run again.`);
  }
  return JSON.parse(done.stdout);
}

/** Loss on so many windows of held-out text, head scores and composition of a toy transformer's folder. */
export function measureToy(folder, heldOut, { windows }) {
  const config = JSON.parse(readFileSync(path.join(folder, 'config.json'), 'utf8'));
  const loss = lossOn(folder, windowsOf(folder, heldOut, config.n_ctx, windows));
  if (config.n_layers === 0) return { config, loss };
  const length = Math.min(RANDOM.length, Math.floor((config.n_ctx - 1) / 2));
  const heads = circuitscope(['heads', folder, '--length', length, '--batch', RANDOM.batch].map(String));
  const { pairs } = config.n_layers > 1 ? circuitscope(['composition', folder]) : {};
  return { config, loss, heads, random: { ...RANDOM, length }, pairs };
}

/** Token ids, BOS first, of the beginning of every n-th held-out piece that is long enough. */
function windowsOf(folder, heldOut, context, count) {
  const read = (name) => JSON.parse(readFileSync(path.join(folder, name), 'utf8'));
  const tokenizer = new Tokenizer(read('tokenizer.json'), read('tokenizer_config.json'));
  const texts = readFileSync(heldOut, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line).text.slice(0, 16 * context));
  const apart = Math.max(1, Math.floor(texts.length / count));
  return texts
    .filter((_, i) => i % apart === 0)
    .map((text) => [0, ...tokenizer.encode(text).ids.filter((id) => id !== 0)].slice(0, context))
    .filter((ids) => ids.length === context)
    .slice(0, count);
}

/** Mean loss in nats, of all tokens and of those in the second half of each window. */
function lossOn(folder, windows) {
  const bits = windows.map((ids) => circuitscope(['run', folder, '--ids', ids.join(',')]).surprisal.slice(1));
  const surprisals = bits.map((row) => row.map((value) => value * Math.LN2));
  const half = (values) => values.slice(Math.floor(values.length / 2));
  return { all: mean(surprisals.flat()), late: mean(surprisals.flatMap(half)), tokens: surprisals.flat().length };
}

/** FVU, L0 and what it costs to splice an autoencoder in, on held-out text. */
export const measureMlsae = (model, folder, heldOut, { context, tokens }) =>
  circuitscope(
    ['evaluate', model, '--mlsae', folder, '--corpus', heldOut, '--max-tokens', tokens, '--context', context].map(
      String,
    ),
  );

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
