import type { Command } from 'commander';
import { InputError } from '../checkpoint/errors';
import { layerHook } from '../graph/hooks';
import { circuitsVis } from '../interop/circuitsVis';
import { writeText } from '../interop/writeText';
import { checkPatternMemory } from '../memory';
import { readPrompt } from '../prompt';
import { layerPattern } from '../runtime/patternRows';
import {
  checkpointCommand,
  headList,
  promptInput,
  wholeNumber,
  withModel,
  withPrompt,
  type CheckpointOptions,
  type PromptOptions,
} from './open';
import { checkOut } from './out';
import { note, printJson } from './print';

type PatternsOptions = CheckpointOptions & PromptOptions & { head?: string; layer?: string; out?: string };

/** `circuitscope patterns`: attention patterns as CircuitsVis takes them. */
export const patternsCommand = (root: Command): void => {
  const description = 'attention patterns as JSON for CircuitsVis: attention_heads(**json.load(file))';
  const json = 'the same as --out writes: {tokens, attention: [head, destination, source], attention_head_names}';
  withPrompt(checkpointCommand(root, 'patterns', description, json))
    .option('--head <head>', 'one head: L1H4')
    .option('--layer <l>', 'the heads of one layer (default: all heads)')
    .option('--out <file>', 'write the JSON to a file')
    .action(run);
};

async function run(path: string, options: PatternsOptions): Promise<void> {
  const { head, out } = options;
  const input = await promptInput(options);
  const layer = wholeNumber('--layer', options.layer);
  if (head !== undefined && layer !== undefined) throw new InputError('give --head or --layer, not both');
  if (out === undefined && !options.json) throw new InputError('--out is missing: the file to write to, or --json');
  if (out !== undefined) await checkOut(out);
  await withModel(path, options, async (model) => {
    const { checkpoint, runner } = model;
    const { nLayers, nHeads } = checkpoint.description;
    const heads = head === undefined ? [] : headList('--head', head, model);
    if (heads.length > 1) throw new InputError('--head: give one head');
    const { tokens, notices } = readPrompt(checkpoint, input);
    notices.forEach(note);
    checkPatternMemory(tokens.length, nLayers * nHeads);
    const names = Array.from({ length: nLayers }, (_, l) => layerHook(l, 'pattern'));
    const { hooks } = await runner.run({ ids: tokens.map(({ id }) => id), hooks: names });
    const patterns = names.map((name) => layerPattern(hooks[name]!));
    const [only] = heads;
    const result = circuitsVis(
      { n: tokens.length, nHeads, patterns, tokens },
      { ...(only && { head: only }), ...(layer !== undefined && { layer }) },
    );
    if (out !== undefined) {
      await writeText(out, JSON.stringify(result));
      note(`${out}: ${result.attention_head_names.length} patterns written`);
    }
    if (options.json) printJson(result);
  });
}
