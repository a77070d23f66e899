import type { Command } from 'commander';
import type { ActivationComparison } from '../../protocol/interop';
import { InputError } from '../checkpoint/errors';
import { readMetadata, readSafetensors } from '../checkpoint/safetensors';
import { compareActivations, idsInFile } from '../interop/activations';
import { readPrompt } from '../prompt';
import { noSteps, promptInput, withModel, withPrompt, type PromptOptions } from './open';
import { note, printJson, table, visible } from './print';

interface ActivationsOptions extends PromptOptions {
  checkpoint?: string;
  json?: boolean;
  provider?: string;
}

/** `circuitscope activations`: what is in a file of activations, and how far they are from ours. */
export const activationsCommand = (root: Command): void => {
  const command = root
    .command('activations')
    .description(
      'compare activations that TransformerLens computed with ours: the largest difference of every hook; without --checkpoint: list them',
    )
    .argument('<file>', 'safetensors with TransformerLens names, with or without a batch dimension of 1')
    .option('--checkpoint <checkpoint>', 'run it on the prompt, or on the ids in the metadata of the file')
    .option('--json', 'print JSON to stdout: {hooks: [{hook, largest, scale, at, …}], skipped}, or {metadata, tensors}')
    .option('--provider <name>', 'execution provider, e.g. cpu or cuda (default: the first that starts)');
  withPrompt(command).action(run);
};

async function run(file: string, options: ActivationsOptions): Promise<void> {
  const { checkpoint, json, prompt, promptFile, ids } = options;
  const isGiven = [prompt, promptFile, ids].some((given) => given !== undefined);
  if (checkpoint === undefined) {
    if (isGiven) throw new InputError('a prompt needs --checkpoint, the model that it is run on');
    return list(file, json === true);
  }
  const input = isGiven ? await promptInput(options) : { ids: await idsInFile(file) };
  if (input.ids === undefined && !('text' in input && input.text !== undefined))
    throw new InputError(`${file} has no ids in its metadata: give --prompt, --prompt-file or --ids`);
  await withModel(checkpoint, options, async (model) => {
    const { tokens, notices } = readPrompt(model.checkpoint, input);
    notices.forEach(note);
    const result = await compareActivations(
      model,
      file,
      tokens.map(({ id }) => id),
      noSteps,
    );
    if (json) printJson(result);
    else process.stdout.write(asText(result));
  });
}

async function list(file: string, json: boolean): Promise<void> {
  const tensors = await readSafetensors(file);
  const metadata = await readMetadata(file);
  if (json) {
    const described = Object.fromEntries([...tensors].map(([name, { dtype, shape }]) => [name, { dtype, shape }]));
    return printJson({ metadata, tensors: described });
  }
  const rows = [...tensors].map(([name, { dtype, shape }]) => [visible(name), dtype, `[${shape.join(', ')}]`]);
  const about = Object.entries(metadata).map(([key, value]) => `${visible(key)}: ${visible(value.slice(0, 200))}\n`);
  process.stdout.write(`${about.join('')}${table([['name', 'dtype', 'shape'], ...rows], [])}\n`);
}

function asText({ hooks, skipped }: ActivationComparison): string {
  const number = (value: number): string => (Number.isFinite(value) ? value.toPrecision(3) : String(value));
  const rows = hooks.map(({ hook, largest, scale, at, ours, theirs }) => [
    hook,
    number(largest),
    number(largest / (scale || 1)),
    `[${at.join(', ')}]`,
    String(ours),
    String(theirs),
  ]);
  const head = ['hook', 'largest difference', 'relative', 'at', 'ours', 'file'];
  const compared = hooks.length ? table([head, ...rows], [1, 2]) : 'No activation of the file could be compared.';
  const left = skipped.map(({ name, reason }) => `not compared: ${visible(name)}: ${reason}\n`);
  return `${compared}\n${left.join('')}`;
}
