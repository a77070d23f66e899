import type { Command } from 'commander';
import { transformerLensCode, codeKinds, type CodeKind, type CodeRequests } from '../../protocol/transformerLensCode';
import type { CodeModel, CodePrompt } from '../../protocol/python';
import type { Checkpoint } from '../checkpoint/checkpoint';
import { InputError } from '../checkpoint/errors';
import { openCheckpoint } from '../checkpoint/open';
import { repeatedSequences } from '../circuits/repeated';
import { TokenTable } from '../circuits/tokenTable';
import { describeCheckpoint } from '../describe';
import { openSae } from '../mlsae/open';
import { readPrompt } from '../prompt';
import { headList, promptInput, tokenIds, wholeNumber, withPrompt, type PromptOptions } from './open';

interface CodeOptions extends PromptOptions {
  head?: string;
  heads?: string;
  mean?: boolean;
  weighting?: string;
  token?: string;
  position?: string;
  corrupted?: string;
  corruptedIds?: string;
  answer?: string;
  wrong?: string;
  other?: string;
  top?: string;
  length?: string;
  batch?: string;
  seed?: string;
  mlsae?: string;
  otherMlsae?: string;
  latent?: string;
  layer?: string;
  factor?: string;
  ablate: boolean;
  foldNorm?: boolean;
}

/** `circuitscope code`: Python with TransformerLens that computes what another command prints. */
export const codeCommand = (root: Command): void => {
  const command = root
    .command('code')
    .description('print Python that computes a result with TransformerLens')
    .argument('<result>', `what: ${codeKinds.join(', ')}`)
    .argument('<checkpoint>', 'folder with config.json and .safetensors, or one of these files')
    .option('--head <head>', 'pattern, headCircuit: the head, L1H4 (pattern: default the mean of all)')
    .option('--heads <heads>', 'ablate: L0H1,L1H4')
    .option('--mean', 'ablate: put the mean in the place of heads, not zero')
    .option('--weighting <name>', 'pattern: pattern or value-weighted (default: pattern)')
    .option('--token <token>', 'paths, bigrams: a text that is one token, or #id')
    .option('--position <n>', 'paths: the token that follows this position (default: the last)')
    .option('--corrupted <text>', 'patch: the corrupted prompt; --prompt is the clean one')
    .option('--corrupted-ids <ids>', 'patch: the same as token ids')
    .option('--answer <token>', 'patch: what follows the clean prompt')
    .option('--wrong <token>', 'patch: what follows the corrupted prompt')
    .option('--other <checkpoint>', 'compare…: the second checkpoint, B')
    .option('--top <K>', 'headCircuit, bigrams, lens, compare…: entries (default: 20; lens: 5)')
    .option('--length <T>', 'headScores: tokens of R in BOS + R + R (default: 50)')
    .option('--batch <n>', 'headScores: sequences (default: 4)')
    .option('--seed <n>', 'headScores: of the random tokens (default: 0)')
    .option('--mlsae <folder>', 'latents, layers, latentCard, steer, compareLatents: the sparse autoencoder')
    .option('--other-mlsae <folder>', 'compareLatents: that of the second checkpoint, where each has its own')
    .option('--latent <n>', 'latentCard, steer: the latent')
    .option('--layer <n>', 'steer: the layer after which the residual stream is changed')
    .option('--factor <x>', 'steer: what its decoder column is multiplied by')
    .option('--ablate', 'steer: take out what it adds to the reconstruction', false)
    .option('--no-fold-norm', 'leave the norms’ gains out of the weights');
  withPrompt(command).action(run);
};

async function run(kind: string, path: string, options: CodeOptions): Promise<void> {
  if (!isKind(kind)) throw new InputError(`there is no code for “${kind}”: expected ${codeKinds.join(', ')}`);
  const checkpoint = await openCheckpoint(path);
  process.stdout.write(await code(kind, modelOf(checkpoint), checkpoint, options));
}

function modelOf(checkpoint: Checkpoint): CodeModel {
  const { nLayers, nHeads } = checkpoint.description;
  const { architecture, path } = describeCheckpoint(checkpoint);
  return { path, architecture, nLayers, nHeads };
}

const isKind = (kind: string): kind is CodeKind => (codeKinds as string[]).includes(kind);

type Request<K extends CodeKind> = (checkpoint: Checkpoint, options: CodeOptions) => Promise<CodeRequests[K]>;

async function code<K extends CodeKind>(
  kind: K,
  model: Parameters<(typeof transformerLensCode)[K]>[0],
  checkpoint: Checkpoint,
  options: CodeOptions,
): Promise<string> {
  const request: Request<K> = REQUESTS[kind];
  return transformerLensCode[kind](model, await request(checkpoint, options));
}

function promptOf(checkpoint: Checkpoint, input: { text?: string; ids?: number[] }): CodePrompt {
  const ids = readPrompt(checkpoint, input).tokens.map(({ id }) => id);
  return { ids, ...(input.text !== undefined && { text: input.text }) };
}

const prompt = async (checkpoint: Checkpoint, options: CodeOptions): Promise<CodePrompt> =>
  promptOf(checkpoint, await promptInput(options));

function tokenOf(checkpoint: Checkpoint, option: string, text: string | undefined): number {
  if (text === undefined) throw new InputError(`${option} is missing: a text that is one token, or #id`);
  return new TokenTable(checkpoint).find(text).id;
}

function oneHead(checkpoint: Checkpoint, text: string | undefined): CodeRequests['headCircuit']['head'] {
  if (text === undefined) throw new InputError('--head is missing: give one such as L1H4');
  const heads = headList('--head', text, { checkpoint });
  if (heads.length !== 1) throw new InputError('--head: give one head');
  return heads[0]!;
}

/** Of models without MLPs and norms every path is a term of its own. */
const isLinear = ({ description: { dMlp, norm } }: Checkpoint): boolean => dMlp === 0 && norm.kind === 'none';

const REQUESTS: { [K in CodeKind]: Request<K> } = {
  activations: prompt,
  pattern: async (checkpoint, options) => {
    const { weighting = 'pattern', head } = options;
    if (weighting !== 'pattern' && weighting !== 'value-weighted')
      throw new InputError(`--weighting: expected pattern or value-weighted, found “${weighting}”`);
    const of = await prompt(checkpoint, options);
    return head === undefined
      ? { ...of, weighting, reduction: 'mean' }
      : { ...of, weighting, reduction: 'one', head: oneHead(checkpoint, head) };
  },
  headScores: async (checkpoint, { length, batch, seed, ids, foldNorm }) => {
    const [givenLength, givenBatch] = [wholeNumber('--length', length), wholeNumber('--batch', batch)];
    const found = repeatedSequences(checkpoint, {
      ...(givenLength !== undefined && { length: givenLength }),
      ...(givenBatch !== undefined && { batch: givenBatch }),
      ...(seed !== undefined && { seed: wholeNumber('--seed', seed) }),
      ...(ids !== undefined && { ids: tokenIds(ids) }),
    });
    return { sequences: found.sequences, start: found.start, length: found.length, foldNorm };
  },
  composition: async (_, { foldNorm }) => ({ foldNorm }),
  comparePatterns: async (checkpoint, options) => ({
    ...(await REQUESTS.pattern(checkpoint, options)),
    b: (await otherOf(options)).model,
  }),
  compareHeadScores: async (checkpoint, options) => ({
    ...(await REQUESTS.headScores(checkpoint, options)),
    b: (await otherOf(options)).model,
  }),
  compareComposition: async (_, options) => ({
    ...{ foldNorm: options.foldNorm, top: wholeNumber('--top', options.top) ?? 20 },
    b: (await otherOf(options)).model,
  }),
  compareLatents: async (checkpoint, options) => {
    const { otherMlsae } = options;
    const { model, checkpoint: second } = await otherOf(options);
    return {
      ...(await REQUESTS.latents(checkpoint, options)),
      ...(otherMlsae !== undefined && { otherSae: await saeOf(second, { ...options, mlsae: otherMlsae }) }),
      ...{ top: wholeNumber('--top', options.top) ?? 20, b: model },
    };
  },
  compareNextTokens: async (checkpoint, options) => ({
    ...(await prompt(checkpoint, options)),
    b: (await otherOf(options)).model,
  }),
  headCircuit: async (checkpoint, { head, top, foldNorm }) => ({
    head: oneHead(checkpoint, head),
    top: wholeNumber('--top', top) ?? 20,
    foldNorm,
  }),
  bigrams: async (checkpoint, { token, top, foldNorm }) => ({
    ...(token !== undefined && { token: tokenOf(checkpoint, '--token', token) }),
    top: wholeNumber('--top', top) ?? 20,
    foldNorm,
  }),
  lens: async (checkpoint, options) => ({
    ...(await prompt(checkpoint, options)),
    top: wholeNumber('--top', options.top) ?? 5,
  }),
  paths: async (checkpoint, options) => {
    const of = await prompt(checkpoint, options);
    const position = wholeNumber('--position', options.position) ?? of.ids.length - 1;
    if (position >= of.ids.length)
      throw new InputError(`--position: ${position} is not in the prompt: expected 0–${of.ids.length - 1}`);
    const token = tokenOf(checkpoint, '--token', options.token);
    const { nLayers } = checkpoint.description;
    return { ...of, position, token, form: isLinear(checkpoint) ? 'paths' : 'frozen', longest: nLayers };
  },
  importance: async (checkpoint, options) => {
    if (checkpoint.description.dMlp > 0)
      throw new InputError(`${checkpoint.name} has MLPs: term importance is of attention-only models`);
    return prompt(checkpoint, options);
  },
  ablate: async (checkpoint, options) => {
    if (options.heads === undefined) throw new InputError('--heads is missing: give some such as L0H1,L1H4');
    const heads = headList('--heads', options.heads, { checkpoint });
    return { ...(await prompt(checkpoint, options)), heads, mean: options.mean === true };
  },
  patch: async (checkpoint, options) => {
    const { corrupted: text, corruptedIds } = options;
    if ((text === undefined) === (corruptedIds === undefined))
      throw new InputError('give exactly one of --corrupted and --corrupted-ids');
    const clean = await prompt(checkpoint, options);
    const input = text === undefined ? { ids: tokenIds(corruptedIds!, '--corrupted-ids') } : { text };
    const corrupted = promptOf(checkpoint, input);
    if (corrupted.ids.length !== clean.ids.length)
      throw new InputError(
        `--corrupted: expected ${clean.ids.length} tokens, as many as the clean prompt has; found ${corrupted.ids.length}`,
      );
    const answer = tokenOf(checkpoint, '--answer', options.answer);
    return { clean, corrupted, answer, wrong: tokenOf(checkpoint, '--wrong', options.wrong) };
  },
  latents: async (checkpoint, options) => ({
    ...(await prompt(checkpoint, options)),
    sae: await saeOf(checkpoint, options),
  }),
  layers: async (checkpoint, options) => REQUESTS.latents(checkpoint, options),
  latentCard: async (checkpoint, options) => {
    const latent = wholeNumber('--latent', options.latent);
    if (latent === undefined) throw new InputError('latentCard needs --latent');
    return { sae: await saeOf(checkpoint, options), latent, top: wholeNumber('--top', options.top) ?? 10 };
  },
  steer: async (checkpoint, options) => {
    const sae = await saeOf(checkpoint, options);
    const latent = wholeNumber('--latent', options.latent);
    const layer = wholeNumber('--layer', options.layer);
    if (latent === undefined || layer === undefined) throw new InputError('steer needs --latent and --layer');
    if (!sae.layers.includes(layer))
      throw new InputError(
        `--layer: ${layer} is not read by the autoencoder: expected one of ${sae.layers.join(', ')}`,
      );
    if (options.ablate === (options.factor !== undefined)) throw new InputError('give one of --factor and --ablate');
    const factor = Number(options.factor ?? 0);
    if (!Number.isFinite(factor)) throw new InputError(`--factor: expected a number, found “${options.factor}”`);
    const edit = options.ablate ? ({ kind: 'ablate' } as const) : ({ kind: 'add', factor } as const);
    return { ...(await prompt(checkpoint, options)), sae, latent, layer, edit };
  },
};

async function otherOf({ other }: CodeOptions): Promise<{ checkpoint: Checkpoint; model: CodeModel }> {
  if (other === undefined) throw new InputError('--other is missing: the second checkpoint');
  const checkpoint = await openCheckpoint(other);
  return { checkpoint, model: modelOf(checkpoint) };
}

async function saeOf(checkpoint: Checkpoint, { mlsae }: CodeOptions): Promise<CodeRequests['latents']['sae']> {
  if (mlsae === undefined) throw new InputError('--mlsae is missing: the folder of a sparse autoencoder');
  const { path, format, layers, standardize, activate, tunedLens } = await openSae(mlsae, checkpoint, {});
  const k = activate.kind === 'topk' ? { k: activate.k } : {};
  const activation = activate.kind;
  return { ...{ path, format, layers, standardize, activation, tunedLens: tunedLens !== undefined }, ...k };
}
