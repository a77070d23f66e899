import type { Command } from 'commander';
import { resolve } from 'node:path';
import type { ToyStage, ToyPoint, TrainToyParams, TrainingSummary } from '../../protocol/training';
import { InputError } from '../checkpoint/errors';
import { trainToy } from '../train/toy/train';
import { corpusOf, type CorpusOptions } from './corpusOptions';
import { resumable } from './interruptible';
import { wholeNumber } from './open';
import { note, printJson, table } from './print';

/** Options that are numbers: the parameter and what it is. */
const WHOLE: [option: string, name: keyof TrainToyParams, what: string][] = [
  ['--d-model', 'dModel', 'width of the residual stream (default: 256)'],
  ['--heads', 'nHeads', 'heads of a layer (default: 8)'],
  ['--d-head', 'dHead', 'width of a head (default: d_model / heads)'],
  ['--vocab', 'vocab', 'entries of the tokenizer that is learnt from the corpus (default: 4096)'],
  ['--context', 'context', 'tokens of a sequence (default: 256)'],
  ['--steps', 'steps', 'steps of the training (default: 5000)'],
  ['--batch', 'batch', 'sequences of a step (default: 16)'],
  ['--save-every', 'saveEvery', 'steps between two checkpoints (default: 500)'],
  ['--measure-every', 'measureEvery', 'steps between two measurements of heads (default: 50)'],
  ['--seed', 'seed', 'of weights and windows (default: 0)'],
  ['--threads', 'threads', 'that a step runs on (default: all cores; on a busy machine fewer are faster)'],
];
const STEPS = 5000;

type Options = CorpusOptions & Record<string, string | undefined> & { layers: string; out: string; json?: boolean };

/** `circuitscope train-toy`: an attention-only transformer on one's own texts. */
export const trainToyCommand = (root: Command): void => {
  const command = root
    .command('train-toy')
    .description(
      'train an attention-only transformer of the Framework paper, with a tokenizer of its own; run it again to go on with one that was stopped',
    )
    .requiredOption('--layers <n>', '0, 1 or 2')
    .requiredOption('--out <folder>', 'where the checkpoint is kept')
    .option('--corpus <globs...>', 'texts: globs, files or folders; .jsonl, .jsonl.zst, .parquet, others are text')
    .option('--field <name>', 'where JSON lines and Parquet have their text (default: text)')
    .option('--max-tokens <n>', 'read at most this many tokens of the whole corpus');
  for (const [option, , what] of WHOLE) command.option(`${option} <n>`, what);
  command
    .option('--lr <rate>', 'peak rate (default: 0.002)')
    .option('--repeat-share <share>', 'sequences in which a chunk is repeated, 0 to 1 (default: 0.3)')
    .option('--random-share <share>', 'of these, sequences of random tokens instead of text, 0 to 1 (default: 0.25)')
    .option(
      '--stages <list>',
      'stretches until:repeat share[:random share[:tokens of a sequence]], …, such as 0.2:0.9:0.3:64,1:0.1; until is a part of the steps',
    )
    .option('--snippet <text>', 'report the attention of the strongest head on this text')
    .option('--json', 'print JSON to stdout: {dir, step, totalSteps, tokens, seconds, complete, last, notices}')
    .action(run);
};

async function run(options: Options): Promise<void> {
  const params = paramsOf(options);
  await resumable(options.out, async (steps) => {
    const summary = await trainToy(params, steps).finally(() => steps.done());
    if (options.json) printJson(summary);
    else print(summary);
    summary.notices.forEach(note);
  });
}

function paramsOf(options: Options): TrainToyParams {
  const whole = WHOLE.flatMap(([option, name]) => {
    const key = option.slice(2).replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
    const value = wholeNumber(option, options[key]);
    return value === undefined ? [] : [[name, value]];
  });
  const { layers, out, snippet } = options;
  if (!/^[012]$/.test(layers)) throw new InputError(`--layers: expected 0, 1 or 2, found “${layers}”`);
  const { corpus, field, maxTokens } = options;
  const lr = fraction('--lr', options['lr']);
  const repeatShare = fraction('--repeat-share', options['repeatShare']);
  const randomShare = fraction('--random-share', options['randomShare']);
  const { stages } = options;
  return {
    corpus: corpusOf({ ...(corpus && { corpus }), ...(field && { field }), ...(maxTokens && { maxTokens }) }),
    out: resolve(out),
    layers: Number(layers) as TrainToyParams['layers'],
    steps: STEPS,
    ...Object.fromEntries(whole),
    ...(lr !== undefined && { lr }),
    ...(repeatShare !== undefined && { repeatShare }),
    ...(randomShare !== undefined && { randomShare }),
    ...(stages && { stages: stagesOf(stages) }),
    ...(snippet !== undefined && { snippet }),
  };
}

/** @param list until:repeat share[:random share[:context]], … */
function stagesOf(list: string): ToyStage[] {
  return list.split(',').map((stage) => {
    const [until, repeatShare, randomShare, context, ...more] = stage.split(':');
    if (until === undefined || repeatShare === undefined || more.length > 0)
      throw new InputError(`--stages: expected until:repeat share[:random share[:tokens]], found “${stage}”`);
    return {
      until: fraction('--stages', until)!,
      repeatShare: fraction('--stages', repeatShare)!,
      ...(randomShare !== undefined && { randomShare: fraction('--stages', randomShare)! }),
      ...(context !== undefined && { context: wholeNumber('--stages', context)! }),
    };
  });
}

function fraction(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = text.trim() === '' ? NaN : Number(text);
  if (!(value >= 0 && value <= 1)) throw new InputError(`${option}: expected a number from 0 to 1, found “${text}”`);
  return value;
}

function print({ dir, step, tokens, seconds, last }: TrainingSummary): void {
  const { loss, inContext, previousToken, induction, kComposition } = last as ToyPoint;
  const lines = [`${dir}: ${step} steps, ${tokens} tokens, ${seconds.toFixed(0)} s, loss ${loss.toFixed(4)}`];
  if (inContext !== undefined) lines.push(`loss late in the context minus early: ${inContext.toFixed(3)}`);
  const heads = (previousToken ?? []).flatMap((row, layer) =>
    row.map((score, head) => [
      `L${layer}H${head}`,
      score.toFixed(3),
      induction![layer]![head]!.toFixed(3),
      layer === 1 ? (kComposition?.[head]?.toFixed(3) ?? '') : '',
    ]),
  );
  if (heads.length > 0)
    lines.push(table([['head', 'previous token', 'induction', 'K-composition'], ...heads], [1, 2, 3]));
  process.stdout.write(`${lines.join('\n')}\n`);
}
