import type { Command } from 'commander';
import type { Token } from '../../protocol/analysis';
import { latentsAt, type ActiveLatents, type Encoding } from '../../protocol/latents/encoding';
import { InputError } from '../checkpoint/errors';
import { writeSafetensors } from '../checkpoint/safetensors';
import { encodeText } from '../mlsae/encodePrompt';
import type { OpenSae } from '../mlsae/types';
import { readPrompt } from '../prompt';
import { layerRows, layerHead, ratioLine } from './layerTable';
import { noSteps, promptInput, wholeNumber, withPrompt, type PromptOptions } from './open';
import { saeCommand, withSae, type SaeOptions } from './openSae';
import { checkOut } from './out';
import { note, printJson, table, visible } from './print';

interface LatentsOptions extends SaeOptions, PromptOptions {
  top?: string;
  out?: string;
}

const TOP = 5;

/** `circuitscope latents`: what is active at every layer and token of a prompt. */
export const latentsCommand = (root: Command): void => {
  const description = 'the latents of a multi-layer SAE that are active at every layer and token of a prompt';
  const json = '{tokens, layers, k, latents, perLayer, active, adjacent, varianceRatios, …}';
  withPrompt(saeCommand(root, 'latents', description, json))
    .option('--top <K>', `latents of each token, and of each layer and token with --json (default: ${TOP})`)
    .option('--out <file>', 'write indices (I64), values and recons (F32) [layer, token, …] as safetensors')
    .action(run);
};

async function run(path: string, options: LatentsOptions): Promise<void> {
  const { out } = options;
  const input = await promptInput(options);
  const top = wholeNumber('--top', options.top) ?? TOP;
  if (top === 0) throw new InputError('--top: expected 1 or more, found 0');
  if (out !== undefined) await checkOut(out);
  await withSae(path, options.mlsae, options, async (open) => {
    const { tokens, notices } = readPrompt(open.model.checkpoint, input);
    const ids = tokens.map(({ id }) => id);
    const { encoding, encoded } = await encodeText(open, { ids }, noSteps, { recons: out !== undefined });
    [...notices, ...encoding.notices].forEach(note);
    if (out !== undefined) await writeCodes(out, encoding, encoded.recons!);
    if (options.json) printJson(asJson(open, tokens, encoding, top));
    else process.stdout.write(asText(tokens, encoding, top));
    if (out !== undefined) note(`${out}: indices, values and recons written`);
  });
}

function writeCodes(
  file: string,
  { layers, nTokens, k, indices, values }: Encoding,
  recons: Float32Array,
): Promise<void> {
  const shape = (width: number): number[] => [layers.length, nTokens, width];
  return writeSafetensors(file, {
    indices: { shape: shape(k), data: BigInt64Array.from(indices, BigInt) },
    values: { shape: shape(k), data: values },
    recons: { shape: shape(recons.length / layers.length / nTokens), data: recons },
  });
}

/** NaN becomes null. */
function asJson({ sae, model }: OpenSae, tokens: Token[], encoding: Encoding, top: number): object {
  const { layers, nTokens, nLatents, k, max, bins, perLayer, adjacent, varianceRatios, active, runMs } = encoding;
  const { name, label, format, activate } = sae;
  return {
    tokens,
    sae: { name, label, format, activation: activate.kind },
    provider: model.runner.provider,
    runMs,
    nLatents,
    layers,
    k,
    /** `[layer][token]`, strongest first. */
    latents: layers.map((_, l) => Array.from({ length: nTokens }, (_, token) => strongest(encoding, l, token, top))),
    max,
    bins,
    perLayer: perLayer.map(({ histogram, ...stats }) => ({ ...stats, histogram: Array.from(histogram) })),
    adjacent: { plain: Array.from(adjacent.plain), centred: Array.from(adjacent.centred) },
    varianceRatios,
    active: activeRows(active, layers),
    notices: encoding.notices,
  };
}

function strongest(
  { nTokens, k, indices, values }: Encoding,
  layer: number,
  token: number,
  top: number,
): { latent: number; value: number }[] {
  const start = (layer * nTokens + token) * k;
  return Array.from({ length: Math.min(top, k) }, (_, i) => ({
    latent: indices[start + i]!,
    value: values[start + i]!,
  })).filter(({ value }) => value > 0);
}

/** One object a latent. */
function activeRows(active: ActiveLatents, layers: number[]): object[] {
  return Array.from(active.latent, (latent, i) => ({
    latent,
    max: active.max[i],
    maxToken: active.maxToken[i],
    maxLayer: layers[active.maxLayer[i]!],
    nTokens: active.nTokens[i],
    total: active.total[i],
    byLayer: Array.from(active.byLayer.subarray(i * layers.length, (i + 1) * layers.length)),
    layerMean: active.layerMean[i],
    layerVar: active.layerVar[i],
    layerStd: active.layerStd[i],
  }));
}

const BARS = '▁▂▃▄▅▆▇█';
/** A bar for each layer; a dot where the latent is not active. */
const bars = (byLayer: Float32Array, max: number): string =>
  Array.from(byLayer, (value) =>
    value > 0 ? BARS[Math.min(BARS.length - 1, Math.floor((value / max) * BARS.length))] : '·',
  ).join('');

function asText(tokens: Token[], encoding: Encoding, top: number): string {
  const { layers, perLayer, max, adjacent, varianceRatios, active } = encoding;
  const rows = tokens.flatMap(({ text }, token) => {
    const found = latentsAt(encoding, token).slice(0, top);
    return (found.length ? found : [undefined]).map((latent, i) => [
      ...(i === 0 ? [`${token}`, visible(text)] : ['', '']),
      ...(latent
        ? [`${latent.latent}`, latent.max.toFixed(3), bars(latent.byLayer, max)]
        : ['', '', 'nothing is active']),
    ]);
  });
  const span = layers.length > 1 ? `layers ${layers[0]}–${layers.at(-1)}` : `layer ${layers[0]}`;
  const head = ['pos', 'token', 'latent', 'max', span];
  const stats = layerRows(perLayer, adjacent);
  return [
    table([head, ...rows], [0, 2, 3]),
    table([layerHead, ...stats], [0, 1, 2, 3, 4, 5, 6]),
    `${active.latent.length} latents are active; ${ratioLine(varianceRatios)}`,
    '',
  ].join('\n\n');
}
