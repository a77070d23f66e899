import type { Command } from 'commander';
import type { CorpusSummary } from '../../protocol/latents/corpus';
import type { Encoding } from '../../protocol/latents/encoding';
import { InputError } from '../checkpoint/errors';
import { writeSafetensors } from '../checkpoint/safetensors';
import { corpusTotals } from '../mlsae/corpus/sweep';
import { addCodes, layerMoments, noTotals } from '../mlsae/distributions';
import { encodeText } from '../mlsae/encodePrompt';
import type { OpenSae } from '../mlsae/types';
import { readPrompt } from '../prompt';
import { corpusOf, deadBelowOf, stderrSteps, withCorpus, type CorpusOptions } from './corpusOptions';
import { layerHead, layerRows, ratioLine } from './layerTable';
import { noSteps, promptInput, withPrompt, wholeNumber, type PromptOptions } from './open';
import { saeCommand, withSae, type SaeOptions } from './openSae';
import { checkOut } from './out';
import { note, printJson, table } from './print';

interface LayersOptions extends SaeOptions, PromptOptions, CorpusOptions {
  out?: string;
}

/** What is told about a prompt or a corpus. */
export type LayerSummary = Pick<
  CorpusSummary,
  | 'tokens'
  | 'layers'
  | 'nLatents'
  | 'counts'
  | 'totals'
  | 'layerMean'
  | 'layerVar'
  | 'varianceRatios'
  | 'perLayer'
  | 'adjacent'
> &
  // of a corpus: how many are dead
  Partial<Pick<CorpusSummary, 'dead' | 'notices'>>;

/** `circuitscope layers`: how latents are distributed over layers. */
export const layersCommand = (root: Command): void => {
  const description =
    'how the latents of a multi-layer SAE are distributed over layers, and how well each layer is read';
  const json = '{tokens, layers, perLayer, adjacent, varianceRatios, dead (of a corpus), notices, latents}';
  withCorpus(withPrompt(saeCommand(root, 'layers', description, json)))
    .option('--out <file>', 'write counts and totals [layer, latent] (F64) as safetensors')
    .action(run);
};

async function run(path: string, options: LayersOptions): Promise<void> {
  if (options.corpus) return runCorpus(path, options);
  const { prompt, promptFile, ids } = options;
  if ((prompt ?? promptFile ?? ids) === undefined) {
    throw new InputError('nothing to read: give a prompt (--prompt, --prompt-file or --ids) or texts (--corpus)');
  }
  if (options.deadBelow !== undefined) throw new InputError('--dead-below needs --corpus');
  const input = await promptInput(options);
  const maxTokens = wholeNumber('--max-tokens', options.maxTokens);
  if (maxTokens === 0) throw new InputError('--max-tokens: expected 1 or more, found 0');
  if (options.out !== undefined) await checkOut(options.out);
  await withSae(path, options.mlsae, options, async (open) => {
    const summary = await ofPrompt(open, { ...input, ...(maxTokens !== undefined && { maxTokens }) });
    await printLayers(summary, options);
  });
}

async function runCorpus(path: string, options: LayersOptions): Promise<void> {
  const { prompt, promptFile, ids, out, mlsae } = options;
  if ((prompt ?? promptFile ?? ids) !== undefined) throw new InputError('give either a prompt or --corpus');
  const corpus = corpusOf(options);
  const dead = deadBelowOf(options);
  if (out !== undefined) await checkOut(out);
  const steps = stderrSteps();
  await withSae(path, mlsae, options, async (open) => {
    const summary = await corpusTotals(open, corpus, steps, dead).finally(() => steps.done());
    summary.notices.forEach(note);
    await printLayers(summary, options);
  });
}

async function ofPrompt(open: OpenSae, input: Parameters<typeof readPrompt>[1]): Promise<LayerSummary> {
  const { tokens, notices } = readPrompt(open.model.checkpoint, input);
  const { encoding } = await encodeText(open, { ids: tokens.map(({ id }) => id) }, noSteps);
  const all = [...notices, ...encoding.notices];
  all.forEach(note);
  return { ...promptSummary(encoding), notices: all };
}

/** A prompt told as a corpus is. */
export function promptSummary(encoding: Encoding): LayerSummary {
  const { layers, nLatents, nTokens, perLayer, adjacent, varianceRatios } = encoding;
  const sums = noTotals(layers, nLatents);
  addCodes(sums, encoding);
  const { mean, variance } = layerMoments(sums);
  const { counts, totals } = sums;
  return {
    tokens: nTokens,
    layers,
    nLatents,
    counts,
    totals,
    layerMean: mean,
    layerVar: variance,
    varianceRatios,
    perLayer: perLayer.map(({ layer, fvu, mse, l0, l1 }) => ({ layer, fvu, mse, l0, l1 })),
    adjacent,
  };
}

/** Writes `--out`, prints JSON or tables. */
export async function printLayers(
  summary: LayerSummary,
  { json, out }: { json?: boolean; out?: string },
): Promise<void> {
  const { layers, nLatents, counts, totals } = summary;
  if (out !== undefined) {
    const shape = [layers.length, nLatents];
    await writeSafetensors(out, { counts: { shape, data: counts }, totals: { shape, data: totals } });
  }
  if (json) printJson(asJson(summary));
  else process.stdout.write(asText(summary));
  if (out !== undefined) note(`${out}: counts and totals written`);
}

/** `latents` are those that are active somewhere; NaN becomes null. */
function asJson(summary: LayerSummary): object {
  const { tokens, layers, nLatents, counts, totals, layerMean, layerVar, perLayer, adjacent } = summary;
  const column = (values: Float64Array, latent: number): number[] =>
    layers.map((_, l) => values[l * nLatents + latent]!);
  return {
    tokens,
    layers,
    nLatents,
    perLayer,
    adjacent: { plain: Array.from(adjacent.plain), centred: Array.from(adjacent.centred) },
    varianceRatios: summary.varianceRatios,
    dead: summary.dead,
    notices: summary.notices,
    latents: active(summary).map((latent) => ({
      latent,
      counts: column(counts, latent),
      totals: column(totals, latent),
      layerMean: layerMean[latent],
      layerVar: layerVar[latent],
      layerStd: Math.sqrt(layerVar[latent]!),
    })),
  };
}

const active = ({ layerMean }: LayerSummary): number[] =>
  [...layerMean.keys()].filter((latent) => !Number.isNaN(layerMean[latent]));

function asText(summary: LayerSummary): string {
  const { tokens, nLatents, counts, perLayer, adjacent, varianceRatios, layerVar, dead } = summary;
  const used = active(summary);
  const std = used.reduce((sum, latent) => sum + Math.sqrt(layerVar[latent]!), 0) / used.length;
  const rows = layerRows(perLayer, adjacent).map((row, l) => {
    const some = counts.subarray(l * nLatents, (l + 1) * nLatents).reduce((n, count) => n + (count > 0 ? 1 : 0), 0);
    return [...row, `${some}`];
  });
  return [
    table([[...layerHead, 'latents'], ...rows], [0, 1, 2, 3, 4, 5, 6, 7]),
    `${tokens} tokens, ${used.length} of ${nLatents} latents active, mean std over layers ${used.length ? std.toFixed(3) : '–'}`,
    ...(dead ? [`${dead.count} latents are dead (active on fewer than ${dead.threshold} of the tokens)`] : []),
    ratioLine(varianceRatios),
    '',
  ].join('\n');
}
