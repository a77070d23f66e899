/** Names of latents out of Neuronpedia's JSON: features with explanations, or explanations alone; one, a list, or one a line. */
import * as l10n from '@vscode/l10n';
import { InputError } from '../checkpoint/errors';
import { parseJsonObject } from '../checkpoint/json';

export interface Explanation {
  latent: number;
  /** Source id, e.g. `3-mlsae`; undefined where the file says none. */
  source?: string;
  description: string;
}

/** @throws InputError naming the file and the entry */
export function readExplanations(text: string, file: string): Explanation[] {
  return entriesOf(text, file).flatMap((entry, i) => {
    const where = l10n.t('{0}: entry {1}', file, i + 1);
    if (!isObject(entry))
      throw new InputError(l10n.t('{0} is no object; a feature or an explanation was expected.', where));
    if ('description' in entry) return [explanation(entry, entry, where)];
    const { explanations = [] } = entry;
    if (!Array.isArray(explanations)) throw new InputError(l10n.t('{0}: explanations: a list was expected.', where));
    return explanations.map((one: unknown) => {
      if (!isObject(one)) throw new InputError(l10n.t('{0}: explanations: a list of objects was expected.', where));
      return explanation(one, entry, where);
    });
  });
}

function entriesOf(text: string, file: string): unknown[] {
  const whole = parsed(text);
  if (whole !== undefined) return Array.isArray(whole) ? whole : [whole];
  return text.split('\n').flatMap((line, i) => {
    if (line.trim() === '') return [];
    const entry = parsed(line);
    if (entry === undefined) throw new InputError(l10n.t('{0}: line {1} is not JSON.', file, i + 1));
    return [entry];
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

type Fields = Record<string, unknown>;
const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function explanation(one: Fields, feature: Fields, where: string): Explanation {
  const { description, index = feature.index, layer = feature.layer } = one;
  if (typeof description !== 'string') throw new InputError(l10n.t('{0}: description: a text was expected.', where));
  const digits = typeof index === 'number' ? String(index) : index;
  if (typeof digits !== 'string' || !/^\d{1,9}$/.test(digits))
    throw new InputError(l10n.t('{0}: index: the number of a latent was expected.', where));
  return { latent: Number(digits), description, ...(typeof layer === 'string' && { source: layer }) };
}

/**
 * `latent-names.json` with names that are still missing; what people wrote stays. Of several explanations of a latent the first counts.
 * @param old the file as it is, if there is one
 */
export function withExplanations(
  old: string | undefined,
  found: readonly Explanation[],
  { file, nLatents }: { file: string; nLatents: number },
): { text: string; added: number } {
  const names = old === undefined ? {} : parseJsonObject(old, file);
  let added = 0;
  for (const { latent, description } of found) {
    if (latent >= nLatents)
      throw new InputError(
        l10n.t('There is no latent {0}: this autoencoder has {1}, 0–{2}.', latent, nLatents, nLatents - 1),
      );
    const entry = names[latent] ?? {};
    if (!isObject(entry))
      throw new InputError(l10n.t('{0}: latent {1} is no object; it is left as it is.', file, latent));
    const name = description.trim();
    if (entry.name || !name) continue;
    names[latent] = { ...entry, name };
    added++;
  }
  return { text: `${JSON.stringify(names, null, 2)}\n`, added };
}
