import type { Command } from 'commander';
import { headName } from '../../protocol/checkpoint';
import type { LatentCard, TokenValue } from '../../protocol/latents/card';
import { latentCard } from '../mlsae/latentCard';
import { noSteps, wholeNumber } from './open';
import { saeCommand, withSae, type SaeOptions } from './openSae';
import { note, printJson, table, visible } from './print';

const TOP = 10;

/** `circuitscope latent`: a latent read off the weights. */
export const latentCommand = (root: Command): void => {
  const description =
    'what the weights say of a latent: tokens that it promotes, its neighbours, heads that write and read it';
  const json = '{latent, promoted, suppressed, nearestInput, nearestOutput, nearestLatents, writers, readers, chance}';
  saeCommand(root, 'latent', description, json)
    .requiredOption('--latent <J>', 'number of the latent')
    .option('--top <N>', `entries of each list (default: ${TOP})`)
    .action(run);
};

async function run(path: string, options: SaeOptions & { latent: string; top?: string }): Promise<void> {
  const latent = wholeNumber('--latent', options.latent)!;
  const top = wholeNumber('--top', options.top) ?? TOP;
  await withSae(path, options.mlsae, options, async (open) => {
    const card = await latentCard(open, { latent, top }, noSteps);
    card.notices.forEach(note);
    if (options.json) printJson(card);
    else process.stdout.write(asText(card));
  });
}

function asText(card: LatentCard): string {
  const tokens = (list: TokenValue[], digits: number): string[][] =>
    list.map(({ text, value }) => [visible(text), value.toFixed(digits)]);
  const lists: [string, string, string[][]][] = [
    ['promotes', 'logit', tokens(card.promoted, 3)],
    ['suppresses', 'logit', tokens(card.suppressed, 3)],
    ['embedding', 'cos', tokens(card.nearestInput, 3)],
    ['unembedding', 'cos', tokens(card.nearestOutput, 3)],
    ['latent', 'cos', card.nearestLatents.map(({ latent, cosine }) => [`#${latent}`, cosine.toFixed(3)])],
    ['written by', 'share', card.writers.map((link) => [headName(link), link.score.toFixed(3)])],
    ['read by', 'share', card.readers.map((link) => [`${headName(link)} ${link.kind}`, link.score.toFixed(3)])],
  ];
  const n = Math.max(...lists.map(([, , list]) => list.length));
  const head = lists.flatMap(([what, unit]) => [what, unit]);
  const rows = Array.from({ length: n }, (_, i) => lists.flatMap(([, , list]) => list[i] ?? ['', '']));
  const numbers = lists.map((_, i) => 2 * i + 1);
  return `${table([head, ...rows], numbers)}\nshare of a random direction ${card.chance.toFixed(3)}\n`;
}
