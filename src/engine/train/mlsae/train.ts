/** Trains a multi-layer sparse autoencoder on an open model and a corpus (Lawson et al. 2024). */
import type { TrainMlsaeParams, TrainingSummary } from '../../../protocol/training';
import type { OpenModel } from '../../circuitHandlers';
import { corpusFiles, resultsOf } from '../../mlsae/corpus/files';
import { checkText, contextOf } from '../../mlsae/corpus/sequences';
import { tensorsHash } from '../../mlsae/corpus/identity';
import type { Steps } from '../../runtime/types';
import { corpusIdentity } from '../identity';
import { train } from '../trainer';
import { Activations } from './activations';
import { MlsaeJob } from './job';
import { mlsaeSettings } from './settings';

/**
 * Goes on where the folder's training stopped; one that is complete is only read.
 * @throws InputError for wrong params, a corpus that cannot be read, a folder with another training; when it diverges
 * @throws CancelledError after what was done is saved
 */
export async function trainMlsae(
  model: OpenModel,
  params: Omit<TrainMlsaeParams, 'checkpointId'>,
  steps: Steps,
): Promise<TrainingSummary> {
  const { checkpoint } = model;
  const { corpus, out } = params;
  const settings = mlsaeSettings(params, checkpoint.name, checkpoint.description);
  const context = contextOf(corpus, checkpoint);
  const files = await corpusFiles(corpus, resultsOf(out, false));
  await checkText(corpus, checkpoint, files);
  const { nLatents, k, readLayers, tokens, lr, auxk, deadSteps, seed } = settings;
  const identity = {
    model: `${checkpoint.name} ${await tensorsHash(checkpoint.tensors)}`,
    ...corpusIdentity(corpus, files),
    context,
    ...{ layers: readLayers.join(' '), 'number of latents': nLatents, k, 'batch size': tokens },
    ...{ 'number of steps': settings.steps, rate: lr, auxk, 'steps until a latent is dead': deadSteps, seed },
  };
  const stream: ConstructorParameters<typeof MlsaeJob>[0]['stream'] = (notice, from) =>
    new Activations(model, { corpus, files, layers: readLayers, tokens, seed, notice }, from);
  const job = new MlsaeJob({ model, params, settings, identity, stream });
  try {
    return await train(job, steps);
  } finally {
    await job.dispose();
  }
}
