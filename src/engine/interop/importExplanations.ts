/** Neuronpedia's explanations from a file into `latent-names.json` beside an autoencoder. */
import * as l10n from '@vscode/l10n';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ImportedNames } from '../../protocol/interop';
import { InputError, systemReason } from '../checkpoint/errors';
import { statFile } from '../checkpoint/regularFile';
import type { Sae } from '../mlsae/sae';
import { readExplanations, withExplanations } from './explanations';
import { writeText } from './writeText';

const NAMES_FILE = 'latent-names.json';
/** Larger is not read: a million explanations are. */
const MOST_BYTES = 256 << 20;

/**
 * Names that are there stay.
 * @param from JSON, a list, or JSON lines
 * @throws InputError
 */
export async function importExplanations(
  { path, nLatents }: Pick<Sae, 'path' | 'nLatents'>,
  from: string,
): Promise<ImportedNames> {
  const unreadable = (file: string, cause: unknown): InputError =>
    cause instanceof InputError ? cause : new InputError(l10n.t('{0} cannot be read: {1}.', file, systemReason(cause)));
  const read = async (): Promise<string> => {
    const { size } = await statFile(from, l10n.t('a JSON file of explanations'));
    if (size > MOST_BYTES)
      throw new InputError(l10n.t('{0} has {1} bytes, at most {2} were expected.', from, size, MOST_BYTES));
    return readFile(from, 'utf8');
  };
  const text = await read().catch((cause: unknown) => {
    throw unreadable(from, cause);
  });
  const file = join(path, NAMES_FILE);
  const old = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return undefined;
    throw unreadable(file, cause);
  });
  const explanations = readExplanations(text, from);
  const { text: names, added } = withExplanations(old, explanations, { file, nLatents });
  if (added > 0) await writeText(file, names);
  return { file, added, found: explanations.length };
}
