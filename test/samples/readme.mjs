// A sample's README, from how it was trained and what was measured.

const table = (head, rows) =>
  [`| ${head.join(' | ')} |`, `|${head.map(() => ' --- ').join('|')}|`, ...rows.map((row) => `| ${row.join(' | ')} |`)].join(
    '\n',
  );
const million = (tokens) => (tokens < 1e5 ? `${tokens}` : `${(tokens / 1e6).toFixed(2)} M`);
const fixed = (value, digits = 3) => (value === undefined ? '' : value.toFixed(digits));

/** @param training `training.json` of the sample */
function trained({ name, kind, model }, training, corpus) {
  const { step, tokens, seconds, params } = training;
  const options = Object.entries(params)
    .filter(([option]) => !['corpus', 'out', 'steps', 'layers'].includes(option))
    .map(([option, value]) => `${option} ${JSON.stringify(value)}`);
  const what = kind === 'toy' ? 'train-toy' : 'train-mlsae';
  return [
    '## Data',
    '',
    `Sources of this project’s own dependencies: ${corpus.files} files, ${million(corpus.characters)} characters, 2 % held out by file; CORPUS.md beside the samples says which.`,
    '',
    '## Training',
    '',
    `\`npm run samples -- --only ${name}\`, which runs \`circuitscope ${what}\`${model ? ` on ${model}` : ''}: ${step} steps, ${million(tokens)} tokens, ${(seconds / 60).toFixed(0)} minutes. ${options.join(', ')}.`,
  ].join('\n');
}

/** README of a toy transformer. */
export function toyReadme(recipe, training, corpus, { config, loss, heads, random, pairs }) {
  const { n_layers: layers, d_model: width, n_heads: count, n_ctx: context, d_vocab: vocab } = config;
  const sections = [
    `# ${recipe.name}`,
    `Attention-only transformer of *A Mathematical Framework for Transformer Circuits*: ${layers} layer${layers === 1 ? '' : 's'}, width ${width}, ${count} heads, context ${context}, ${vocab} tokens. No MLP, no norms, no biases; positions are added for queries and keys only. Weights are stored as F16.`,
    trained(recipe, training, corpus),
    `## Measured\n\nHeld-out text, ${loss.tokens} tokens: loss ${fixed(loss.all)} nats per token, ${fixed(loss.late)} in the second half of a context of ${context}.`,
  ];
  if (heads) sections.push(scores(heads, random), emergence(training.history));
  if (pairs) sections.push(composition(pairs, heads));
  sections.push('## Licence\n\nWeights: trained for this project; the texts have permissive licences.');
  return `${sections.join('\n\n')}\n`;
}

/** @param heads of `circuitscope heads --json` */
function scores(heads, { length, batch }) {
  const rows = heads.map(({ layer, head, previousToken, induction, duplicateToken }) => [
    `L${layer}H${head}`,
    ...[previousToken, induction, duplicateToken].map((value) => fixed(value)),
  ]);
  const head = ['head', 'previous token', 'induction', 'duplicate token'];
  return `Mean attention on ${length} random tokens said twice, ${batch} sequences (\`circuitscope heads --length ${length} --batch ${batch}\`):\n\n${table(head, rows)}`;
}

/** Rows of the history at about equal distances, the last one among them. */
const ROWS = 16;

function emergence(history) {
  const measured = history.filter(({ induction }) => induction);
  const every = Math.ceil(measured.length / ROWS);
  const shown = measured.filter((_, i) => (measured.length - 1 - i) % every === 0);
  const largest = (grid) => fixed(Math.max(...grid.flat()));
  const rows = shown.map(({ step, tokens, loss, inContext, previousToken, induction }) => [
    step,
    million(tokens),
    ...[loss, inContext].map((value) => fixed(value)),
    largest(previousToken),
    largest(induction),
  ]);
  const head = ['step', 'tokens', 'loss', 'in context', 'previous token', 'induction'];
  return `As it trained (loss: of the training’s own windows; in context: held-out loss late minus early; largest scores of any head, fewer and shorter sequences):\n\n${table(head, rows)}`;
}

/** Pairs of `circuitscope composition --json` that compose by keys most. */
function composition(pairs, heads) {
  const mean = pairs.reduce((sum, { K }) => sum + K, 0) / pairs.length;
  const of = ({ layer, head }) => heads.find((each) => each.layer === layer && each.head === head);
  const rows = [...pairs]
    .sort((a, b) => b.K - a.K)
    .slice(0, 5)
    .map(({ earlier, later, K }) => [
      `L${earlier.layer}H${earlier.head} → L${later.layer}H${later.head}`,
      fixed(K, 4),
      fixed(of(earlier).previousToken),
      fixed(of(later).induction),
    ]);
  const head = ['pair', 'K-composition', 'previous token of the first', 'induction of the second'];
  return `Largest K-composition (mean of all pairs ${fixed(mean, 4)}):\n\n${table(head, rows)}`;
}

/** README of an autoencoder. @param evaluated of `circuitscope evaluate --json` */
export function mlsaeReadme(recipe, training, corpus, evaluated) {
  const { layers, tokens, loss, dead } = evaluated;
  const rows = layers.map(({ layer, fvu, l0, lossDelta }) => [
    layer,
    fixed(fvu, 4),
    fixed(l0, 2),
    fixed(loss + lossDelta, 4),
  ]);
  const mean = layers.reduce((sum, { fvu }) => sum + fvu, 0) / layers.length;
  const sections = [
    `# ${recipe.name}`,
    `Multi-layer TopK autoencoder (after Lawson et al., *Residual Stream Analysis with Multi-Layer SAEs*) on the residual stream after each block of ${recipe.model}.`,
    trained(recipe, training, corpus),
    `## Measured\n\nHeld-out text, ${tokens} tokens; the model’s own loss is ${fixed(loss, 4)}.\n\n${table(['layer', 'FVU', 'L0', 'loss with it spliced in'], rows)}\n\nMean FVU ${fixed(mean, 4)}. Latents that were never active on this text: ${(100 * dead.fraction).toFixed(1)} %.`,
    `## While it trained\n\n${table(['step', 'tokens', 'FVU', 'dead'], curve(training.history))}`,
    '## Licence\n\nWeights: trained for this project.',
  ];
  return `${sections.join('\n\n')}\n`;
}

function curve(history) {
  const every = Math.ceil(history.length / ROWS);
  return history
    .filter((_, i) => (history.length - 1 - i) % every === 0)
    .map(({ step, tokens, fvu, deadFraction }) => [
      step,
      million(tokens),
      fixed(fvu.reduce((sum, value) => sum + value, 0) / fvu.length),
      `${(100 * deadFraction).toFixed(1)} %`,
    ]);
}
