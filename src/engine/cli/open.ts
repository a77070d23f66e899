/** What the commands have in common: opening a checkpoint with what runs it, options that say what to run. */
import type { Command } from 'commander';
import { readFile } from 'node:fs/promises';
import { headName } from '../../protocol/checkpoint';
import type { HeadRef } from '../../protocol/checkpoint';
import type { OpenModel } from '../circuitHandlers';
import { InputError } from '../checkpoint/errors';
import { openCheckpoint } from '../checkpoint/open';
import { createRunner } from '../runtime/runner';
import type { Steps } from '../runtime/types';
import { noteOnce } from './print';

/** A command line is cancelled by ending its process. */
export const noSteps: Steps = { step: async () => undefined };

export interface CheckpointOptions {
  json?: boolean;
  provider?: string;
}

/** `circuitscope NAME CHECKPOINT [--json] [--provider NAME]` */
export const checkpointCommand = (root: Command, name: string, description: string, json: string): Command =>
  root
    .command(name)
    .description(description)
    .argument('<checkpoint>', 'folder with config.json and .safetensors, or one of these files; or a .onnx file')
    .option('--json', `print JSON to stdout: ${json}`)
    .option('--provider <name>', 'execution provider, e.g. cpu or cuda (default: the first that starts)');

/** Opens a checkpoint, does `work` with it, and lets go of it. Notices go to stderr. */
export async function withModel(
  path: string,
  { provider }: CheckpointOptions,
  work: (model: OpenModel) => Promise<void>,
): Promise<void> {
  const checkpoint = await openCheckpoint(path);
  const providers = provider === undefined ? [] : [provider];
  const runner = await createRunner(checkpoint, { providers, log: () => undefined });
  try {
    await work({ checkpoint, runner });
    // after the work, so that a mistake in it stays one line
    if (runner.providerNotes.length) noteOnce(runner.providerNotes.join('; '));
    checkpoint.notices.forEach(noteOnce);
  } finally {
    await runner.dispose();
  }
}

export interface PromptOptions {
  prompt?: string;
  promptFile?: string;
  ids?: string;
}

/** Adds --prompt, --prompt-file and --ids. */
export const withPrompt = (command: Command): Command =>
  command
    .option('--prompt <text>', 'the prompt')
    .option('--prompt-file <file>', 'read the prompt from a UTF-8 file')
    .option('--ids <ids>', 'token ids instead of text: 1,2,3');

/** @throws InputError unless exactly one of the three is given */
export async function promptInput({
  prompt,
  promptFile,
  ids,
}: PromptOptions): Promise<{ text?: string; ids?: number[] }> {
  if ([prompt, promptFile, ids].filter((given) => given !== undefined).length !== 1)
    throw new InputError('give exactly one of --prompt, --prompt-file and --ids');
  if (ids !== undefined) return { ids: tokenIds(ids) };
  if (promptFile === undefined) return { text: prompt! };
  const text = await readFile(promptFile, 'utf8').catch((error: unknown) => {
    throw new InputError(`--prompt-file cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  });
  return { text };
}

/** `1,2,3` */
export function tokenIds(list: string, option = '--ids'): number[] {
  return list.split(',').map((text) => {
    if (!/^\s*\d+\s*$/.test(text)) throw new InputError(`${option}: expected token ids such as 1,2,3, found “${text}”`);
    return Number(text);
  });
}

/** A whole number of 0 or more. */
export function wholeNumber(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text)) throw new InputError(`${option}: expected a whole number, found “${text}”`);
  return Number(text);
}

/** `L0H1,L1H4`, heads that the model has. */
export function headList(
  option: string,
  list: string,
  { checkpoint: { description } }: Pick<OpenModel, 'checkpoint'>,
): HeadRef[] {
  const { nLayers, nHeads } = description;
  return list.split(',').map((text) => {
    const [, layer, head] = /^\s*L(\d+)H(\d+)\s*$/i.exec(text) ?? [];
    if (layer === undefined || head === undefined)
      throw new InputError(`${option}: expected heads such as L0H1,L1H4, found “${text}”`);
    const ref = { layer: Number(layer), head: Number(head) };
    if (ref.layer < nLayers && ref.head < nHeads) return ref;
    throw new InputError(
      nLayers === 0
        ? `${option}: this model has no heads`
        : `${option}: there is no head ${headName(ref)} in this model; expected L0H0 to L${nLayers - 1}H${nHeads - 1}`,
    );
  });
}
