import type { Command } from 'commander';
import type { TextOrIds, TokenChoice } from '../../protocol/circuits/behaviour';
import { InputError } from '../checkpoint/errors';
import { patch } from '../circuits/patch';
import type { CheckpointOptions } from './open';
import { checkpointCommand, noSteps, tokenIds, withModel } from './open';
import { note, printJson, table, visible } from './print';

type PatchOptions = CheckpointOptions &
  Record<'answer' | 'wrong', string> &
  Partial<Record<'clean' | 'corrupted' | 'cleanIds' | 'corruptedIds', string>>;

/** `circuitscope patch`: activation patching between two prompts. */
export const patchCommand = (root: Command): void => {
  const description =
    'activation patching: which positions and heads bring the clean answer back into a corrupted prompt';
  checkpointCommand(root, 'patch', description, '{clean, corrupted, resid: [layer][position], heads: [layer][head], …}')
    .option('--clean <text>', 'the prompt that is answered rightly')
    .option('--clean-ids <ids>', 'the same as token ids: 1,2,3')
    .option('--corrupted <text>', 'a prompt of equally many tokens that is answered differently')
    .option('--corrupted-ids <ids>', 'the same as token ids')
    .requiredOption('--answer <text>', 'the token that should follow the clean prompt; #12 is its id')
    .requiredOption('--wrong <text>', 'the token that it is compared with; #12 is its id')
    .action(runPatch);
};

async function runPatch(path: string, options: PatchOptions): Promise<void> {
  const params = {
    clean: textOrIds('clean', options.clean, options.cleanIds),
    corrupted: textOrIds('corrupted', options.corrupted, options.corruptedIds),
    answer: tokenChoice(options.answer),
    wrong: tokenChoice(options.wrong),
  };
  await withModel(path, options, async (model) => {
    const result = await patch(model, params, noSteps);
    const { cleanTokens, corruptedTokens, nLayers, nHeads, clean, corrupted } = result;
    const n = cleanTokens.length;
    const row = (values: Float32Array, width: number, layer: number): number[] =>
      Array.from(values.subarray(layer * width, (layer + 1) * width));
    const layers = Array.from({ length: nLayers }, (_, layer) => layer);
    result.notices.forEach(note);
    if (options.json) {
      const nested = (values: Float32Array, width: number): number[][] =>
        layers.map((layer) => row(values, width, layer));
      return printJson({ ...result, resid: nested(result.resid, n), heads: nested(result.heads, nHeads) });
    }
    const cells = (values: Float32Array, width: number, layer: number): string[] =>
      row(values, width, layer).map((value) => value.toFixed(3));
    const lines = [
      `logit[${visible(result.answer.text)}] − logit[${visible(result.wrong.text)}]: clean ${clean.toFixed(3)}, corrupted ${corrupted.toFixed(3)}`,
      '\nresidual stream before each layer, by position',
      table(
        [
          ['pos', 'clean', 'corrupted', ...layers.map((layer) => `L${layer}`)],
          ...cleanTokens.map(({ text }, pos) => [
            `${pos}`,
            visible(text),
            visible(corruptedTokens[pos]!.text),
            ...layers.map((layer) => cells(result.resid, n, layer)[pos]!),
          ]),
        ],
        [0, ...layers.map((layer) => layer + 3)],
      ),
      '\nheads',
      table(
        [
          ['', ...Array.from({ length: nHeads }, (_, head) => `H${head}`)],
          ...layers.map((layer) => [`L${layer}`, ...cells(result.heads, nHeads, layer)]),
        ],
        Array.from({ length: nHeads }, (_, head) => head + 1),
      ),
    ];
    process.stdout.write(`${lines.join('\n')}\n`);
  });
}

function textOrIds(name: string, text: string | undefined, ids: string | undefined): TextOrIds {
  if ((text === undefined) === (ids === undefined))
    throw new InputError(`give exactly one of --${name} and --${name}-ids`);
  return ids === undefined ? { text: text! } : { ids: tokenIds(ids, `--${name}-ids`) };
}

/** Digits alone are a text, as answers often are numbers. */
function tokenChoice(text: string): TokenChoice {
  const [, id] = /^#(\d{1,15})$/.exec(text) ?? [];
  return id === undefined ? { text } : { id: Number(id) };
}
