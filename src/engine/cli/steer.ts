import type { Command } from 'commander';
import type { LatentEdit, Steering } from '../../protocol/latents/effects';
import type { Token } from '../../protocol/analysis';
import { InputError } from '../checkpoint/errors';
import { steer } from '../mlsae/steer';
import { readPrompt } from '../prompt';
import type { PromptOptions } from './open';
import { checkpointCommand, noSteps, promptInput, wholeNumber, withPrompt } from './open';
import { withSae, withSaePath, type SaeOptions } from './openSae';
import { note, printJson, table, visible } from './print';

type SteerOptions = SaeOptions & PromptOptions & { latent: string; layer: string; factor?: string; ablate?: boolean };

/** `circuitscope steer`: predictions with a latent added to the residual stream, or taken away. */
export const steerCommand = (root: Command): void => {
  const description = 'loss and predictions of a prompt when a latent is added to the residual stream after a layer';
  const json = '{tokens, latent, layer, edit, lossBefore, lossAfter, kl, before, after}, in nats';
  withPrompt(withSaePath(checkpointCommand(root, 'steer', description, json)))
    .requiredOption('--latent <J>', 'number of the latent')
    .requiredOption('--layer <L>', 'the residual stream after this layer is changed, at every position')
    .option('--factor <F>', 'how often the latent’s decoder column is added')
    .option('--ablate', 'take away what the latent contributes to the reconstruction instead')
    .action(run);
};

async function run(path: string, options: SteerOptions): Promise<void> {
  const input = await promptInput(options);
  const latent = wholeNumber('--latent', options.latent)!;
  const layer = wholeNumber('--layer', options.layer)!;
  const edit = editOf(options);
  const { mlsae, tunedLens, provider } = options;
  await withSae(path, mlsae, { tunedLens, provider, fallbackLayer: layer }, async (open) => {
    const { tokens, notices } = readPrompt(open.model.checkpoint, input);
    const result = await steer(open, { ids: tokens.map(({ id }) => id), latent, layer, edit }, noSteps);
    notices.forEach(note);
    // NaN becomes null
    if (options.json) return printJson({ tokens, ...result, kl: Array.from(result.kl) });
    process.stdout.write(asText(tokens, result));
  });
}

/** @throws InputError unless exactly one of --factor and --ablate is given */
function editOf({ factor, ablate = false }: SteerOptions): LatentEdit {
  if (ablate === (factor !== undefined)) throw new InputError('give exactly one of --factor and --ablate');
  if (factor === undefined) return { kind: 'ablate' };
  const number = factor.trim() === '' ? NaN : Number(factor);
  if (!Number.isFinite(number)) throw new InputError(`--factor: expected a number, found “${factor}”`);
  return { kind: 'add', factor: number };
}

function asText(tokens: Token[], { kl, before, after, lossBefore, lossAfter }: Steering): string {
  const rows = tokens.map(({ text }, pos) => {
    const top = [before, after].flatMap((side) => {
      const first = side[pos]![0]!;
      return [visible(first.text), first.p.toFixed(3)];
    });
    return [`${pos}`, visible(text), kl[pos]!.toFixed(4), ...top];
  });
  const head = ['pos', 'token', 'KL', 'next', 'p', 'changed', 'p'];
  // nothing predicts the first token
  const losses = tokens.length > 1 ? `mean loss ${lossBefore.toFixed(3)} → ${lossAfter.toFixed(3)} nats\n` : '';
  return `${table([head, ...rows], [0, 2, 4, 6])}\n${losses}`;
}
