/** Opens a checkpoint: reads config, tensor headers and tokenizer, checks them against each other, loads no weight. */
import { describeModel } from './architectures';
import type { Checkpoint, PromptTokenizer, StoredTensor } from './checkpoint';
import { Config } from './config';
import type { ModelDescription, WeightRef } from './description';
import { InputError } from './errors';
import { loadTokenizer } from './tokenizer';
import { checkpointName, locate, readWeights } from './weightFiles';

export { findCheckpoints } from './find';

const FLOAT_DTYPES = ['F32', 'F16', 'BF16'];

/**
 * @param path a checkpoint folder, or a file in it (`config.json`, `*.safetensors`, `*.safetensors.index.json`).
 * @throws InputError
 */
export async function openCheckpoint(path: string): Promise<Checkpoint> {
  const files = await locate(path);
  const config = await Config.read(files.config);
  const tensors = await readWeights(files.weights);
  const description = describeModel(config, (name) => tensors.has(name));
  const used = checkWeights(description, tensors, files.weights);
  const { tokenizer, notice } = await loadTokenizer(files.folder);
  return {
    path: files.folder,
    name: checkpointName(files.folder),
    description,
    tensors,
    ...(tokenizer && { tokenizer }),
    ...specialTokens(config, tokenizer, description.dVocab),
    nParams: sum(used.map(({ shape }) => product(shape))),
    bytes: sum(used.map(({ length }) => length)),
    dtypes: byFrequency(used.map(({ dtype }) => dtype)),
    notices: [...description.notices, ...(notice === undefined ? [] : [notice])],
  };
}

function specialTokens(
  config: Config,
  tokenizer: PromptTokenizer | undefined,
  dVocab: number,
): Pick<Checkpoint, 'bosId' | 'specialIds'> {
  const known = (keys: string[]): number[] => keys.flatMap((key) => config.tokenIds(key)).filter((id) => id < dVocab);
  const first = tokenizer?.encode('a')[0];
  const bosId = known(['bos_token_id'])[0] ?? (first?.special ? first.id : undefined);
  const ids = known(['bos_token_id', 'eos_token_id', 'pad_token_id']);
  const specialIds = new Set([...ids, ...(tokenizer?.specialIds ?? []), ...(bosId === undefined ? [] : [bosId])]);
  return { specialIds, ...(bosId !== undefined && { bosId }) };
}

/** Every weight that the description names. */
export function weightRefs(description: ModelDescription): WeightRef[] {
  const refs: WeightRef[] = [];
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    if ('tensor' in value && 'shape' in value) refs.push(value as WeightRef);
    else Object.values(value).forEach(visit);
  };
  visit(description);
  return refs;
}

/** The stored tensors that the model uses, each once. Throws InputError when one is absent or not what it should be. */
function checkWeights(
  description: ModelDescription,
  tensors: ReadonlyMap<string, StoredTensor>,
  file: string,
): StoredTensor[] {
  const used = new Map<string, StoredTensor>();
  for (const { tensor, shape } of weightRefs(description)) {
    const stored = tensors.get(tensor);
    const expected = `[${shape.join(', ')}]`;
    if (!stored) {
      throw new InputError(`${file} has no tensor ${tensor}; one of shape ${expected} was expected.`);
    }
    if (stored.shape.length !== shape.length || stored.shape.some((size, i) => size !== shape[i])) {
      throw new InputError(
        `${stored.file}: tensor ${tensor} has shape [${stored.shape.join(', ')}], ${expected} was expected from config.json.`,
      );
    }
    if (!FLOAT_DTYPES.includes(stored.dtype)) {
      throw new InputError(
        `${stored.file}: tensor ${tensor} has dtype ${stored.dtype}, one of ${FLOAT_DTYPES.join(', ')} was expected.`,
      );
    }
    used.set(tensor, stored);
  }
  return [...used.values()];
}

const sum = (values: number[]): number => values.reduce((a, b) => a + b, 0);
const product = (values: number[]): number => values.reduce((a, b) => a * b, 1);

function byFrequency(values: string[]): string[] {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a).map(([value]) => value);
}
