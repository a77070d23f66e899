import type { Command } from 'commander';
import { compositionKinds } from '../../protocol/circuits';
import type { TextOrIds } from '../../protocol/circuits/behaviour';
import type { CompareRequests } from '../../protocol/compare';
import type { HookTensor } from '../../protocol/engine';
import { InputError } from '../checkpoint/errors';
import { writeSafetensors } from '../checkpoint/safetensors';
import { compareComposition } from '../compare/composition';
import { compareHeadScores } from '../compare/headScores';
import { compareLatents, type TwoSaes } from '../compare/latents';
import { compareNextTokens } from '../compare/nextTokens';
import { comparePatterns } from '../compare/patterns';
import type { Two } from '../compare/two';
import { openSae } from '../mlsae/open';
import { createSaeRunner } from '../mlsae/runner';
import type { OpenSae } from '../mlsae/types';
import type { OpenModel } from '../circuitHandlers';
import { asJson, asText } from './compareOutput';
import { headsByStep } from './headsByStep';
import { randomParams, withRandomOptions, type RandomOptions } from './heads';
import { noSteps, promptInput, wholeNumber, withModel, type PromptOptions } from './open';
import { checkOut } from './out';
import { note, printJson } from './print';

export interface CompareOptions extends RandomOptions, PromptOptions {
  mlsae?: string;
  otherMlsae?: string;
  top?: string;
  out?: string;
  steps?: string;
}

/** What was compared; what needs a prompt only where there is one. */
export interface Compared {
  heads: CompareRequests['compareHeadScores'][1];
  composition: CompareRequests['compareComposition'][1];
  patterns?: CompareRequests['comparePatterns'][1];
  nextTokens?: CompareRequests['compareNextTokens'][1];
  latents?: CompareRequests['compareLatents'][1];
}

const TOP = 10;

/** `circuitscope compare`: two checkpoints of one shape, or the heads of all steps of a training. */
export const compareCommand = (root: Command): void => {
  const checkpoint = 'folder with config.json and .safetensors, or one of these files; or a .onnx file';
  const command = root
    .command('compare')
    .description(
      'compare two checkpoints of the same shape: head scores, composition; on a prompt patterns, loss, latents',
    )
    .argument('[a]', checkpoint)
    .argument('[b]', 'the same; differences are b − a')
    .option('--json', 'print JSON to stdout: {a, b, heads, composition, patterns, nextTokens, latents, …}')
    .option('--provider <name>', 'execution provider, e.g. cpu or cuda (default: the first that starts)')
    .option('--prompt <text>', 'the prompt')
    .option('--prompt-file <file>', 'read the prompt from a UTF-8 file')
    .option('--ids <ids>', 'token ids instead of text: 1,2,3')
    .option('--mlsae <folder>', 'sparse autoencoder that reads both checkpoints on the prompt')
    .option('--other-mlsae <folder>', 'that of b, another step of the same training; --mlsae is that of a')
    .option('--top <n>', `what is listed of each (default: ${TOP})`)
    .option('--out <file>', 'write composition.Q|K|V.a|b and patterns.distance [layer, head, …] as safetensors')
    .option('--steps <folder>', 'instead of a and b: the heads of every training step in a folder (step1000, …)');
  withRandomOptions(command).action(compare);
};

async function compare(a: string | undefined, b: string | undefined, options: CompareOptions): Promise<void> {
  const top = wholeNumber('--top', options.top) ?? TOP;
  if (top === 0) throw new InputError('--top: expected 1 or more, found 0');
  if (options.steps !== undefined) {
    if (a !== undefined) throw new InputError('give two checkpoints or --steps, not both');
    return headsByStep(options.steps, options, top);
  }
  if (a === undefined || b === undefined)
    throw new InputError('two checkpoints are expected, or --steps with a folder');
  const input = await givenPrompt(options);
  if (options.mlsae !== undefined && !input)
    throw new InputError('--mlsae needs a prompt: --prompt, --prompt-file or --ids');
  if (options.otherMlsae !== undefined && options.mlsae === undefined)
    throw new InputError('--other-mlsae needs --mlsae, the autoencoder of the first checkpoint');
  if (options.out !== undefined) await checkOut(options.out);
  await withModel(a, options, (modelA) =>
    withModel(b, options, async (modelB) => {
      const two = { a: modelA, b: modelB };
      const result = await compareAll(two, { ...options, input, top });
      notices(result).forEach(note);
      if (options.out !== undefined) {
        await writeSafetensors(options.out, tensors(result));
        note(`${options.out}: written`);
      }
      if (options.json) printJson(asJson(two, result));
      else process.stdout.write(asText(result, top));
    }),
  );
}

/** The prompt, if one is given. */
async function givenPrompt(options: PromptOptions): Promise<TextOrIds | undefined> {
  const isGiven = [options.prompt, options.promptFile, options.ids].some((given) => given !== undefined);
  return isGiven ? promptInput(options) : undefined;
}

interface Wanted extends Omit<CompareOptions, 'top'> {
  input: TextOrIds | undefined;
  top: number;
}

async function compareAll(two: Two, options: Wanted): Promise<Compared> {
  const { input, top, foldNorm } = options;
  const seed = wholeNumber('--seed', options.seed);
  const heads = await compareHeadScores(two, randomParams(options), noSteps);
  const composition = await compareComposition(two, { seed, foldNorm, top }, noSteps);
  if (!input) return { heads, composition };
  const patterns = await comparePatterns(two, input, noSteps);
  const nextTokens = await compareNextTokens(two, input, noSteps);
  if (options.mlsae === undefined) return { heads, composition, patterns, nextTokens };
  const latents = await withSaes(two, options.mlsae, options.otherMlsae, (saes) =>
    compareLatents(two, saes, { saeId: '', ...input, top }, noSteps),
  );
  return { heads, composition, patterns, nextTokens, latents };
}

/** Opens one autoencoder or two, does `work` with them, and lets go of them. */
async function withSaes<T>(
  two: Two,
  path: string,
  otherPath: string | undefined,
  work: (saes: TwoSaes) => Promise<T>,
): Promise<T> {
  const opened: OpenSae[] = [];
  const open = async (model: OpenModel, folder: string): Promise<OpenSae> => {
    const sae = await openSae(folder, model.checkpoint, {});
    const found = { sae, saeRunner: createSaeRunner(sae, model.runner.provider), model };
    opened.push(found);
    return found;
  };
  try {
    const sae = await open(two.a, path);
    return await work({ sae, ...(otherPath !== undefined && { other: await open(two.b, otherPath) }) });
  } finally {
    for (const { saeRunner } of opened) await saeRunner.dispose();
  }
}

const notices = ({ heads, composition, patterns, latents }: Compared): string[] => [
  ...new Set([...heads.a.notices, ...composition.notices, ...(patterns?.notices ?? []), ...(latents?.notices ?? [])]),
];

function tensors({ composition, patterns }: Compared): Record<string, HookTensor> {
  const { nLayers, nHeads } = composition;
  const shape = [nLayers, nHeads, nLayers, nHeads];
  const all = compositionKinds.flatMap((kind) =>
    (['a', 'b'] as const).map(
      (side) => [`composition.${kind}.${side}`, { shape, data: composition[side][kind] }] as const,
    ),
  );
  return {
    ...Object.fromEntries(all),
    ...(patterns && {
      'patterns.distance': { shape: [nLayers, nHeads, patterns.tokens.length], data: patterns.rows },
    }),
  };
}
