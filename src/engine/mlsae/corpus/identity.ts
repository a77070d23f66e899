/** What a sweep was made of: two sweeps of the same things can be one. */
import * as l10n from '@vscode/l10n';
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { Corpus } from '../../../protocol/latents/corpus';
import type { StoredTensor } from '../../checkpoint/checkpoint';
import type { Sae } from '../sae';
import type { OpenSae } from '../types';
import type { CorpusFile } from './files';
import { contextOf } from './sequences';

/** All that the results depend on; no absolute path, so that shards may be made on other machines. */
export interface Identity {
  /** The model's and the autoencoder's name, and a hash of their tensors. */
  model: string;
  autoencoder: string;
  /** How the autoencoder is read: layers, activation and what else its tensors do not say. */
  settings: string;
  tunedLens: boolean;
  files: number;
  bytes: number;
  /** Hash of the files' names and sizes. */
  names: string;
  field: string;
  maxTokens: number | null;
  context: number;
  examples: number;
}

/** For messages: `another SAE`. */
const words = (): Record<keyof Identity, string> => ({
  model: l10n.t('model'),
  autoencoder: l10n.t('autoencoder'),
  settings: l10n.t('reading of the autoencoder'),
  tunedLens: l10n.t('tuned lens'),
  files: l10n.t('number of files'),
  bytes: l10n.t('size of the corpus'),
  names: l10n.t('corpus'),
  field: l10n.t('field'),
  maxTokens: l10n.t('maximum of tokens'),
  context: l10n.t('context'),
  examples: l10n.t('number of examples'),
});

export async function identityOf(
  { sae, model: { checkpoint } }: OpenSae,
  corpus: Corpus,
  files: CorpusFile[],
  examples: number,
): Promise<Identity> {
  return {
    model: `${checkpoint.name} ${await tensorsHash(checkpoint.tensors)}`,
    ...(await autoencoderOf(sae)),
    tunedLens: sae.tunedLens !== undefined,
    files: files.length,
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    names: hash(files.map(({ name, bytes }) => `${name}\n${bytes}\n`).join('')),
    field: corpus.field ?? 'text',
    maxTokens: corpus.maxTokens ?? null,
    context: contextOf(corpus, checkpoint),
    examples,
  };
}

/** Of an autoencoder alone. */
export const autoencoderOf = async (sae: Sae): Promise<Pick<Identity, 'autoencoder' | 'settings'>> => ({
  autoencoder: `${sae.name} ${await tensorsHash(sae.tensors)}`,
  settings: settingsOf(sae),
});

/** `layers 0 1 2; topk 16; standardized; bPre bDec` */
function settingsOf(sae: Sae): string {
  const { layers, activate, standardize } = sae;
  const used = (['bPre', 'bEnc', 'bDec', 'tunedLens'] as const).filter((name) => sae[name] !== undefined);
  return [
    `layer${layers.length === 1 ? '' : 's'} ${layers.join(' ')}`,
    activate.kind === 'topk' ? `topk ${activate.k}` : activate.kind,
    ...(standardize ? ['standardized'] : []),
    ...(used.length > 0 ? [used.join(' ')] : []),
  ].join('; ');
}

/** The first thing that is not the same, in words: `another context (512, now 256)`. */
export function difference(before: Identity, now: Partial<Identity>): string | undefined {
  const all = words();
  const keys = Object.keys(all) as (keyof Identity)[];
  const key = keys.find((name) => name in now && before[name] !== now[name]);
  const none = (): string => l10n.t('none');
  return key && l10n.t('another {0} ({1}, not {2})', all[key], before[key] ?? none(), now[key] ?? none());
}

const hash = (text: string | Uint8Array): string => createHash('sha256').update(text).digest('hex').slice(0, 16);

/** Bytes of each tensor that are looked at: training changes all of them. */
const LOOKED_AT = 256;

/** Of names, shapes and the first numbers of all tensors. */
export async function tensorsHash(tensors: ReadonlyMap<string, StoredTensor>): Promise<string> {
  const all = createHash('sha256');
  const handles = new Map<string, Awaited<ReturnType<typeof open>>>();
  try {
    for (const [name, { file, dtype, shape, offset, length }] of [...tensors].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const handle = handles.get(file) ?? (await open(file, 'r'));
      handles.set(file, handle);
      const bytes = Buffer.alloc(Math.min(length, LOOKED_AT));
      await handle.read(bytes, 0, bytes.length, offset);
      all.update(`${name} ${dtype} ${shape.join()}\n`).update(bytes);
    }
  } finally {
    for (const handle of handles.values()) await handle.close();
  }
  return all.digest('hex').slice(0, 16);
}
