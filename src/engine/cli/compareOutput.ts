/** What `circuitscope compare` prints. */
import { headName } from '../../protocol/checkpoint';
import type { HeadScore } from '../../protocol/circuits';
import type { ComparedLatents, ComparedNextTokens, ComparedPatterns } from '../../protocol/compare';
import type { Two } from '../compare/two';
import type { Compared } from './compare';
import { scoreColumns } from './heads';
import { table, visible } from './print';

/** NaN becomes null. */
export function asJson({ a, b }: Two, { heads, composition, patterns, nextTokens, latents }: Compared): object {
  const side = ({ checkpoint, runner }: Two['a']): object => ({
    name: checkpoint.name,
    path: checkpoint.path,
    provider: runner.provider,
  });
  const { nLayers, nHeads, baseline, changes, foldNorm } = composition;
  return {
    a: side(a),
    b: side(b),
    tokens: patterns?.tokens,
    heads: { a: heads.a.heads, b: heads.b.heads, delta: heads.delta },
    composition: { nLayers, nHeads, baseline, foldNorm, changes },
    patterns: patterns && patternRows(patterns),
    nextTokens: nextTokens && nextTokensJson(nextTokens),
    latents: latents && latentsJson(latents),
  };
}

const patternRows = ({ nHeads, distance, maxDistance, maxRow }: ComparedPatterns): object[] =>
  Array.from(distance, (mean, i) => ({
    layer: Math.floor(i / nHeads),
    head: i % nHeads,
    distance: mean,
    maxDistance: maxDistance[i],
    maxRow: maxRow[i],
  }));

function nextTokensJson({ a, b, delta, kl }: ComparedNextTokens): object {
  const side = (one: ComparedNextTokens['a']): object => ({ ...one, logProbs: Array.from(one.logProbs) });
  return { a: side(a), b: side(b), delta: Array.from(delta), kl: Array.from(kl) };
}

function latentsJson({ layers, nLatents, a, b, changes, changed }: ComparedLatents): object {
  const stats = ({ perLayer }: ComparedLatents['a']): object[] =>
    perLayer.map(({ layer, fvu, mse, l0, l1 }) => ({ layer, fvu, mse, l0, l1 }));
  return { layers, nLatents, changed, perLayer: { a: stats(a), b: stats(b) }, changes };
}

const number = (value: number, digits = 3): string => (Number.isNaN(value) ? '' : value.toFixed(digits));
const signed = (value: number, digits = 3): string =>
  Number.isNaN(value) ? '' : `${value > 0 ? '+' : ''}${value.toFixed(digits)}`;

/** Tables of what differs most. */
export function asText({ heads, composition, patterns, nextTokens, latents }: Compared, top: number): string {
  const { baseline, changes } = composition;
  const compositionTable = table(
    [
      ['composition', 'a', 'b', 'b − a', '− random'],
      ...changes.map(({ kind, earlier, later, a, b, delta }) => [
        `${kind} ${headName(earlier)} → ${headName(later)}`,
        number(a, 4),
        number(b, 4),
        signed(delta, 4),
        signed(b - baseline[kind], 4),
      ]),
    ],
    [1, 2, 3, 4],
  );
  return [
    scoresTable(heads, top),
    compositionTable,
    ...(patterns ? [patternsTable(patterns, top)] : []),
    ...(nextTokens ? [tokensTable(nextTokens)] : []),
    ...(latents ? latentTables(latents) : []),
    '',
  ].join('\n\n');
}

/** The heads whose behaviour changed most, by their largest |Δ| of a score from 0 to 1. */
function scoresTable({ a, b, delta }: Compared['heads'], top: number): string {
  const shown = scoreColumns.filter(([name]) => name !== 'entropy');
  const most = (score: HeadScore): number => Math.max(...shown.map(([name]) => Math.abs(score[name])));
  const order = [...delta.keys()].sort((x, y) => most(delta[y]!) - most(delta[x]!)).slice(0, top);
  const rows = order.map((i) => [
    headName(delta[i]!),
    ...shown.map(([name]) => `${number(a.heads[i]![name])} → ${number(b.heads[i]![name])}`),
  ]);
  return table([['head', ...shown.map(([, label]) => label)], ...rows], []);
}

function patternsTable({ tokens, nHeads, distance, maxDistance, maxRow }: ComparedPatterns, top: number): string {
  const order = [...distance.keys()].sort((x, y) => distance[y]! - distance[x]!).slice(0, top);
  const rows = order.map((i) => [
    headName({ layer: Math.floor(i / nHeads), head: i % nHeads }),
    number(distance[i]!),
    number(maxDistance[i]!),
    `${maxRow[i]} ${visible(tokens[maxRow[i]!]!.text)}`,
  ]);
  return table([['pattern', 'distance', 'largest', 'at'], ...rows], [1, 2]);
}

function tokensTable({ tokens, a, b, delta, kl }: ComparedNextTokens): string {
  const rows = tokens.map(({ text }, pos) => [
    `${pos}`,
    visible(text),
    number(a.logProbs[pos]!),
    number(b.logProbs[pos]!),
    signed(delta[pos]!),
    number(kl[pos]!),
    visible(a.predictions[pos]![0]!.text),
    visible(b.predictions[pos]![0]!.text),
  ]);
  const head = ['pos', 'token', 'log p a', 'log p b', 'b − a', 'KL(a‖b)', 'next a', 'next b'];
  // nothing predicts the first token
  const means = tokens.length > 1 ? `\n\nmean loss ${number(a.loss)} → ${number(b.loss)} nats` : '';
  return `${table([head, ...rows], [0, 2, 3, 4, 5])}${means}`;
}

function latentTables({ tokens, layers, a, b, changes, changed }: ComparedLatents): string[] {
  const stats = layers.map((layer, l) => [
    `${layer}`,
    number(a.perLayer[l]!.fvu, 4),
    number(b.perLayer[l]!.fvu, 4),
    number(a.perLayer[l]!.l0, 2),
    number(b.perLayer[l]!.l0, 2),
  ]);
  const rows = changes.map(({ latent, difference, a: sumA, b: sumB, at }) => [
    `#${latent}`,
    number(difference),
    number(sumA),
    number(sumB),
    `layer ${layers[at.layer]}, ${at.token} ${visible(tokens[at.token]!.text)}: ${number(at.a)} → ${number(at.b)}`,
  ]);
  return [
    table([['layer', 'FVU a', 'FVU b', 'L0 a', 'L0 b'], ...stats], [0, 1, 2, 3, 4]),
    table([['latent', 'Σ|Δ|', 'Σ a', 'Σ b', 'most'], ...rows], [1, 2, 3]),
    `${changed} latents differ`,
  ];
}
