import type { Command } from 'commander';
import { headName } from '../../protocol/checkpoint';
import { compositionKinds, type Composition, type CompositionKind } from '../../protocol/circuits';
import type { HookTensor } from '../../protocol/engine';
import { InputError } from '../checkpoint/errors';
import { writeSafetensors } from '../checkpoint/safetensors';
import { composition } from '../circuits/composition';
import type { CheckpointOptions } from './open';
import { checkpointCommand, noSteps, wholeNumber, withModel } from './open';
import { checkOut } from './out';
import { note, printJson, table } from './print';

interface CompositionOptions extends CheckpointOptions {
  out?: string;
  seed?: string;
  foldNorm?: boolean;
}

/** Pairs of the table; --json and --out give all. */
const SHOWN = 10;

/** `circuitscope composition`: Q-, K- and V-composition of every pair of heads. */
export const compositionCommand = (root: Command): void => {
  const description = 'score Q-, K- and V-composition of every pair of heads, beside random matrices';
  checkpointCommand(root, 'composition', description, '{baseline, pairs: [{earlier, later, Q, K, V}], …}')
    .option(
      '--out <file>',
      'write Q, K, V and baseline.Q|K|V as safetensors: [layer, head, layer, head], earlier first',
    )
    .option('--seed <N>', 'of the random matrices (default: 0)')
    .option('--no-fold-norm', 'leave the norms’ gains out of the weights')
    .action(run);
};

async function run(path: string, options: CompositionOptions): Promise<void> {
  const { out, json, foldNorm } = options;
  if (out !== undefined && json) throw new InputError('give --json or --out, not both');
  const seed = wholeNumber('--seed', options.seed);
  if (out !== undefined) await checkOut(out);
  await withModel(path, options, async (model) => {
    const result = await composition(model, { seed, foldNorm }, noSteps);
    result.notices.forEach(note);
    if (json) return printJson(asJson(result));
    if (out !== undefined) {
      await writeSafetensors(out, tensors(result));
      return note(`${out}: ${2 * compositionKinds.length} arrays written`);
    }
    process.stdout.write(asText(result));
  });
}

interface Pair extends Record<CompositionKind, number> {
  earlier: { layer: number; head: number };
  later: { layer: number; head: number };
}

function allPairs({ nLayers, nHeads, scores }: Composition): Pair[] {
  const n = nLayers * nHeads;
  const ref = (i: number): Pair['earlier'] => ({ layer: Math.floor(i / nHeads), head: i % nHeads });
  const pairs: Pair[] = [];
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) {
      const [earlier, later, at] = [ref(i), ref(j), i * n + j];
      if (earlier.layer < later.layer)
        pairs.push({ earlier, later, Q: scores.Q[at]!, K: scores.K[at]!, V: scores.V[at]! });
    }
  return pairs;
}

const asJson = (result: Composition): object => ({
  nLayers: result.nLayers,
  nHeads: result.nHeads,
  baseline: result.baseline,
  foldNorm: result.foldNorm,
  pairs: allPairs(result),
  notices: result.notices,
});

/** NaN where the first head is not in an earlier layer, in the baselines too. */
function tensors({ nLayers, nHeads, scores, baseline }: Composition): Record<string, HookTensor> {
  const shape = [nLayers, nHeads, nLayers, nHeads];
  const ofScores = compositionKinds.map((kind) => [kind, { shape, data: scores[kind] }] as const);
  const ofBaseline = compositionKinds.map((kind) => {
    const data = scores[kind].map((score) => (Number.isNaN(score) ? NaN : baseline[kind]));
    return [`baseline.${kind}`, { shape, data }] as const;
  });
  return Object.fromEntries([...ofScores, ...ofBaseline]);
}

function asText(result: Composition): string {
  const pairs = allPairs(result);
  const sections = compositionKinds.map((kind) => {
    const base = result.baseline[kind];
    const best = [...pairs].sort((a, b) => b[kind] - a[kind]).slice(0, SHOWN);
    const rows = best.map((pair) => [
      `${headName(pair.earlier)} → ${headName(pair.later)}`,
      pair[kind].toFixed(4),
      (pair[kind] - base).toFixed(4),
    ]);
    return table([[kind, 'score', '− random'], ...rows], [1, 2]);
  });
  const end = `${pairs.length} pairs; random matrices score ${compositionKinds.map((kind) => `${kind} ${result.baseline[kind].toFixed(4)}`).join(', ')}`;
  return `${[...sections, end].join('\n\n')}\n`;
}
