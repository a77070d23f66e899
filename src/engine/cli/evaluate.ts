import type { Command } from 'commander';
import type { Evaluation } from '../../protocol/latents/corpus';
import { evaluate } from '../mlsae/evaluate';
import { corpusOf, deadBelowOf, stderrSteps, withCorpus, type CorpusOptions } from './corpusOptions';
import { layerHead, layerRows, ratioLine } from './layerTable';
import { saeCommand, withSae, type SaeOptions } from './openSae';
import { note, printJson, table } from './print';

/** `circuitscope evaluate`: how good an autoencoder is on a corpus. */
export const evaluateCommand = (root: Command): void => {
  const description =
    'how good a sparse autoencoder is on texts: reconstruction, what splicing it in costs, dead latents, MMCS';
  const json = '{tokens, loss, layers, adjacent, varianceRatios, dead, mmcs, notices}, losses and KL in nats';
  withCorpus(saeCommand(root, 'evaluate', description, json)).action(run);
};

async function run(path: string, options: SaeOptions & CorpusOptions): Promise<void> {
  const params = { corpus: corpusOf(options), ...deadBelowOf(options) };
  await withSae(path, options.mlsae, options, async (open) => {
    const steps = stderrSteps();
    const result = await evaluate(open, params, steps).finally(() => steps.done());
    result.notices.forEach(note);
    if (!options.json) return void process.stdout.write(asText(result));
    // NaN becomes null
    const { plain, centred } = result.adjacent;
    printJson({ ...result, adjacent: { plain: Array.from(plain), centred: Array.from(centred) } });
  });
}

function asText({ tokens, loss, layers, adjacent, varianceRatios, dead, mmcs }: Evaluation): string {
  const spliced = layers.map(({ lossDelta, kl, changed }) => [lossDelta.toFixed(4), kl.toFixed(4), changed.toFixed(3)]);
  const rows = layerRows(layers, adjacent).map((row, l) => [...row, ...spliced[l]!]);
  const head = [...layerHead, 'loss +', 'KL', 'changed'];
  return [
    table(
      [head, ...rows],
      head.map((_, column) => column),
    ),
    `${tokens} tokens, mean loss ${loss.toFixed(4)} nats; ${dead.count} latents are dead (active on fewer than ${dead.threshold} of the tokens)`,
    `MMCS ${mmcs.toFixed(4)}; ${ratioLine(varianceRatios)}`,
    '',
  ].join('\n');
}
