/** Looks for sparse autoencoders below folders, within bounds, without ever failing. */
import { join } from 'node:path';
import type { SaeCandidate } from '../../protocol/latents';
import { Config } from '../checkpoint/config';
import { totalBytes, walk } from '../checkpoint/walk';
import { checkpointName } from '../checkpoint/weightFiles';
import { recognise } from './formats/recognise';

/** Folders whose files are those of a known format, nearest first. */
export const findSaes = (roots: string[]): Promise<SaeCandidate[]> => walk(roots, candidateAt);

async function candidateAt(folder: string, names: string[]): Promise<SaeCandidate | undefined> {
  const found = await recognise(folder, names);
  if (!found) return undefined;
  const bytes = await totalBytes(folder, found.weights);
  if (bytes === 0) return undefined;
  const { format, config, width, transformer } = found.reader;
  const says = await Config.read(join(folder, config)).catch(() => undefined);
  const told = says && {
    transformer: quietly(() => transformer(says)),
    nInputs: width && quietly(() => says.int(width)),
  };
  return {
    path: folder,
    name: checkpointName(folder),
    format,
    ...(told?.transformer !== undefined && { transformer: told.transformer }),
    ...(typeof told?.nInputs === 'number' && { nInputs: told.nInputs }),
    bytes,
  };
}

/** What is wrong in a config is told when it is opened. */
function quietly<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
