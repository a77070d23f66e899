/** The weights that a description (of a model, of an autoencoder) names, checked against those that are stored. */
import * as l10n from '@vscode/l10n';
import type { StoredTensor } from './checkpoint';
import type { WeightRef } from './description';
import { InputError } from './errors';

const FLOAT_DTYPES = ['F32', 'F16', 'BF16'];

/** Every weight that the description names. */
export function weightRefs(description: object): WeightRef[] {
  const refs: WeightRef[] = [];
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    if ('tensor' in value && 'shape' in value) refs.push(value as WeightRef);
    else Object.values(value).forEach(visit);
  };
  visit(description);
  return refs;
}

/**
 * The stored tensors that a description uses, each once.
 * @param file where they lie, and `config`, the file that says their shapes: for messages
 * @throws InputError when one is absent or not what it should be
 */
export function checkWeights(
  description: object,
  tensors: ReadonlyMap<string, StoredTensor>,
  file: string,
  config: string,
): StoredTensor[] {
  const used = new Map<string, StoredTensor>();
  for (const { tensor, shape } of weightRefs(description)) {
    const stored = tensors.get(tensor);
    const expected = `[${shape.join(', ')}]`;
    if (!stored) {
      throw new InputError(l10n.t('{0} has no tensor {1}; one of shape {2} was expected.', file, tensor, expected));
    }
    if (stored.shape.length !== shape.length || stored.shape.some((size, i) => size !== shape[i])) {
      throw new InputError(
        l10n.t(
          '{0}: tensor {1} has shape [{2}], {3} was expected from {4}.',
          stored.file,
          tensor,
          stored.shape.join(', '),
          expected,
          config,
        ),
      );
    }
    if (!FLOAT_DTYPES.includes(stored.dtype)) {
      throw new InputError(
        l10n.t(
          '{0}: tensor {1} has dtype {2}, one of {3} was expected.',
          stored.file,
          tensor,
          stored.dtype,
          FLOAT_DTYPES.join(', '),
        ),
      );
    }
    used.set(tensor, stored);
  }
  return [...used.values()];
}
