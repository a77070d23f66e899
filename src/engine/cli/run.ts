import type { Prediction, Timings } from '../../protocol/analysis';
import type { HookTensor } from '../../protocol/engine';
import { plural } from '../../protocol/tokens';
import { InputError } from '../checkpoint/errors';
import { openCheckpoint } from '../checkpoint/open';
import { writeSafetensors } from '../checkpoint/safetensors';
import { predictions, surprisalBits } from '../circuits/nextToken';
import { checkpointHooks } from '../describe';
import { expandHooks } from '../graph/hooks';
import { readPrompt, tokenTextOf } from '../prompt';
import type { Prompt } from '../prompt';
import { activationMetadata } from '../interop/activations';
import { createRunner } from '../runtime/runner';
import { promptInput } from './open';
import type { PromptOptions } from './open';
import { checkOut } from './out';
import { note, printJson, table, visible } from './print';

export interface RunOptions extends PromptOptions {
  hooks?: string;
  out?: string;
  json?: boolean;
  provider?: string;
}

const TOP_K = 5;

interface Result extends Prompt {
  provider: string;
  timings: Timings;
  surprisal: Float32Array;
  predictions: Prediction[][];
  hooks: Record<string, HookTensor>;
}

/** `circuitscope run`: runs a prompt, prints tokens and predictions, writes hooks. */
export async function run(path: string, options: RunOptions): Promise<void> {
  const input = await promptInput(options);
  const globs = hookGlobs(options);
  if (options.out !== undefined) await checkOut(options.out);
  const start = performance.now();
  const checkpoint = await openCheckpoint(path);
  // mistakes first: an execution provider takes its time, and libraries of its own write to stderr
  const prompt = readPrompt(checkpoint, input);
  const hooks = globs.length ? expandHooks(checkpoint.description, globs, checkpointHooks(checkpoint)) : [];
  const providers = options.provider === undefined ? [] : [options.provider];
  const runner = await createRunner(checkpoint, { providers, log: () => undefined });
  const opened = performance.now() - start;
  const predicts = checkpoint.foreign?.missing.logits === undefined;
  const ids = prompt.tokens.map(({ id }) => id);
  const done = await runner.run({ ids, hooks, glance: true, ...(predicts && { topK: TOP_K }) });
  if (options.out !== undefined)
    await writeSafetensors(options.out, done.hooks, activationMetadata(checkpoint.name, prompt.tokens, input.text));
  const result: Result = {
    ...prompt,
    notices: [...checkpoint.notices, ...prompt.notices],
    provider: runner.provider,
    timings: { load: opened + done.loadMs, run: done.runMs },
    surprisal: done.next ? surprisalBits(done.next) : new Float32Array(),
    predictions: done.next ? predictions(done.next, tokenTextOf(checkpoint)) : [],
    hooks: done.hooks,
  };
  if (runner.providerNotes.length) note(runner.providerNotes.join('; '));
  result.notices.forEach(note);
  if (options.json) printJson(asJson(result));
  else process.stdout.write(asText(result));
  if (options.out !== undefined) note(`${options.out}: ${hooks.length} arrays written`);
  await runner.dispose();
}

function hookGlobs({ hooks, out }: RunOptions): string[] {
  if (hooks === undefined && out === undefined) return [];
  if (out === undefined) throw new InputError('--hooks needs --out, the file to write to');
  if (hooks === undefined) throw new InputError('--out needs --hooks, the names of what to write');
  return hooks.split(',').map((glob) => glob.trim());
}

function asJson({ tokens, provider, timings, surprisal, predictions, hooks, notices }: Result): object {
  return {
    tokens,
    provider,
    timings,
    /** Bits; null at 0. */
    surprisal: Array.from(surprisal, (bits) => (Number.isNaN(bits) ? null : bits)),
    predictions,
    hooks: Object.fromEntries(Object.entries(hooks).map(([name, { shape }]) => [name, shape])),
    notices,
  };
}

function asText({ tokens, provider, timings, surprisal, predictions }: Result): string {
  const rows = tokens.map(({ id, text }, i) => {
    const bits = Number.isFinite(surprisal[i]) ? surprisal[i]!.toFixed(2) : '';
    const top = predictions[i]?.[0];
    return [`${i}`, `${id}`, visible(text), bits, top ? visible(top.text) : '', top ? top.p.toFixed(3) : ''];
  });
  const head = ['pos', 'id', 'token', 'bits', 'next', 'p'];
  const end = `${plural(tokens.length, 'token')} on ${provider}, loaded in ${timings.load.toFixed(0)} ms, run in ${timings.run.toFixed(0)} ms`;
  return `${table([head, ...rows], [0, 1, 3, 5])}\n${end}\n`;
}
