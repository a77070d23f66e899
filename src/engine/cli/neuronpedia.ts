import type { Command } from 'commander';
import { neuronpediaFeatures, neuronpediaLines, type NeuronpediaFeature } from '../../protocol/neuronpedia';
import { InputError } from '../checkpoint/errors';
import { openCheckpoint } from '../checkpoint/open';
import { importExplanations } from '../interop/importExplanations';
import { writeText } from '../interop/writeText';
import { latentExamples, openSweep } from '../mlsae/corpus/results';
import { latentCard } from '../mlsae/latentCard';
import { openSae } from '../mlsae/open';
import type { OpenSae } from '../mlsae/types';
import { noSteps, tokenIds, wholeNumber } from './open';
import { saeCommand, withSae, type SaeOptions } from './openSae';
import { checkOut } from './out';
import { note, printJson } from './print';

interface NeuronpediaOptions extends SaeOptions {
  sweep?: string;
  out?: string;
  latents?: string;
  top?: string;
  import?: string;
}

const TOP = 10;

/** `circuitscope neuronpedia`: latents as Neuronpedia's features, and explanations of such as names. */
export const neuronpediaCommand = (root: Command): void => {
  const description = 'write the latents of a sweep as Neuronpedia’s feature JSON, or take over explanations as names';
  saeCommand(root, 'neuronpedia', description, 'the features, a list; or {added}')
    .option('--sweep <dir>', 'results of circuitscope sweep')
    .option('--out <file>', 'JSON lines, a feature (latent and layer) a line')
    .option('--latents <list>', 'only these: 604,1032 (default: all that are active)')
    .option('--top <N>', `promoted and suppressed tokens of each (default: ${TOP})`)
    .option(
      '--import <file>',
      `explanations (JSON or JSON lines) for latent-names.json beside the autoencoder; names that are there stay`,
    )
    .action(run);
};

async function run(path: string, options: NeuronpediaOptions): Promise<void> {
  const { sweep, out, json } = options;
  if (options.import !== undefined) {
    if (sweep !== undefined || out !== undefined) throw new InputError('give either --import or --sweep with --out');
    return importNames(path, options, options.import);
  }
  if (sweep === undefined) throw new InputError('--sweep is missing: the folder with the results of a sweep');
  if (out === undefined && !json) throw new InputError('--out is missing: the file to write to, or --json');
  if (out !== undefined) await checkOut(out);
  const top = wholeNumber('--top', options.top) ?? TOP;
  const only = options.latents === undefined ? undefined : tokenIds(options.latents, '--latents');
  await withSae(path, options.mlsae, options, async (open) => {
    const features = await featuresOf(open, sweep, top, only);
    if (out !== undefined) {
      await writeText(out, neuronpediaLines(features));
      note(`${out}: ${features.length} features written`);
    }
    if (json) printJson(features);
  });
}

async function featuresOf(open: OpenSae, dir: string, top: number, only?: number[]): Promise<NeuronpediaFeature[]> {
  const corpus = await openSweep(open, { dir }, noSteps);
  corpus.notices.forEach(note);
  const { counts, layers, nLatents } = corpus;
  const isActive = (latent: number): boolean => layers.some((_, l) => counts[l * nLatents + latent]! > 0);
  const latents = only ?? Array.from({ length: nLatents }, (_, latent) => latent).filter(isActive);
  const features: NeuronpediaFeature[] = [];
  for (const latent of latents) {
    const { examples } = await latentExamples(open, { dir, latent }, noSteps);
    const card = await latentCard(open, { latent, top }, noSteps);
    const names = { model: open.model.checkpoint.name, sae: open.sae.name };
    features.push(...neuronpediaFeatures({ ...names, card, examples, corpus }));
  }
  return features;
}

async function importNames(
  path: string,
  { mlsae, tunedLens, layer, json }: NeuronpediaOptions,
  from: string,
): Promise<void> {
  const given = wholeNumber('--layer', layer);
  const sae = await openSae(mlsae, await openCheckpoint(path), {
    ...(tunedLens !== undefined && { tunedLens }),
    ...(given !== undefined && { layer: given }),
  });
  const { file, added, found } = await importExplanations(sae, from);
  if (json) printJson({ added });
  note(`${file}: ${added} of ${found} explanations taken over as names`);
}
