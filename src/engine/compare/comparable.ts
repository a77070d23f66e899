/** Whether two checkpoints can be compared: the same shape, the same vocabulary. */
import * as l10n from '@vscode/l10n';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Checkpoint } from '../checkpoint/checkpoint';
import type { ModelDescription } from '../checkpoint/description';
import { InputError, shown } from '../checkpoint/errors';
import type { Comparison } from './two';

type Field = [name: string, read: (d: ModelDescription) => string | number | boolean];

/** What must be the same, as a person calls it. */
const SIZES: Field[] = [
  ['nLayers', (d) => d.nLayers],
  ['nHeads', (d) => d.nHeads],
  ['nKeyValueHeads', (d) => d.nKeyValueHeads],
  ['dHead', (d) => d.dHead],
  ['dVocab', (d) => d.dVocab],
  ['dModel', (d) => d.dModel],
];
/** The rest is not known of a foreign graph whose weights were not found. */
const ofWeights = (): Field[] => [
  ['dMlp', (d) => d.dMlp],
  [l10n.t('the kind of positions'), (d) => d.positions.kind],
  [l10n.t('the kind of norm'), (d) => d.norm.kind],
  [l10n.t('parallel attention and MLP'), (d) => d.parallel],
];

/** Pairs that were found to have the same vocabulary, which never changes while they are open. */
const sameVocabulary = new WeakMap<Checkpoint, WeakSet<Checkpoint>>();

/** @throws InputError naming the files, the field and both values where they differ */
export const checkComparable: Comparison<'checkComparable'> = async ({ a, b }) => ({
  notices: await checkedNotices(a.checkpoint, b.checkpoint),
});

/**
 * @returns sentences on what differs and does not matter
 * @throws InputError
 */
export async function checkedNotices(a: Checkpoint, b: Checkpoint): Promise<string[]> {
  checkShape(a, b);
  await checkVocabulary(a, b);
  const notices: string[] = [];
  if (Boolean(a.tokenizer) !== Boolean(b.tokenizer)) {
    const [one, other] = a.tokenizer ? [b, a] : [a, b];
    notices.push(l10n.t('{0} has no tokenizer: its vocabulary is taken to be that of {1}.', one.name, other.name));
  }
  const [nCtxA, nCtxB] = [a, b].map(({ description }) => description.nCtx) as [number, number];
  if (nCtxA !== nCtxB)
    notices.push(
      l10n.t('The context of {0} is {1} tokens, that of {2} {3}: the shorter one holds.', a.name, nCtxA, b.name, nCtxB),
    );
  return notices;
}

function checkShape(a: Checkpoint, b: Checkpoint): void {
  const known = [a, b].every(({ foreign }) => foreign?.missing.weights === undefined);
  for (const [field, read] of known ? [...SIZES, ...ofWeights()] : SIZES) {
    const [ofA, ofB] = [read(a.description), read(b.description)];
    // a graph without a residual stream says no width
    const unknown = !known && (ofA === 0 || ofB === 0);
    if (ofA !== ofB && !unknown)
      throw new InputError(
        l10n.t(
          '{0} and {1} are not of the same shape: {2} is {3} in the first and {4} in the second.',
          described(a),
          described(b),
          field,
          ofA,
          ofB,
        ),
      );
  }
}

/** The file that says the shape. */
const described = ({ path, foreign }: Checkpoint): string => (foreign ? path : join(path, 'config.json'));

const tokenizerFile = ({ path }: Checkpoint): string => join(path, 'tokenizer.json');

async function checkVocabulary(a: Checkpoint, b: Checkpoint): Promise<void> {
  if (!a.tokenizer || !b.tokenizer || a === b || sameVocabulary.get(a)?.has(b)) return;
  if (!(await sameFile(tokenizerFile(a), tokenizerFile(b)))) checkTokens(a, b);
  sameVocabulary.set(a, (sameVocabulary.get(a) ?? new WeakSet()).add(b));
}

/** False also when one cannot be read: then the tokens are looked at. */
async function sameFile(one: string, other: string): Promise<boolean> {
  if (one === other) return true;
  const files = await Promise.all([one, other].map((file) => readFile(file).catch(() => undefined)));
  const [first, second] = files;
  return first !== undefined && second !== undefined && first.equals(second);
}

/** Files may differ in how they are written, or in merges: the ids must stand for the same texts. */
function checkTokens(a: Checkpoint, b: Checkpoint): void {
  for (let id = 0; id < a.description.dVocab; id++) {
    const [ofA, ofB] = [a.tokenizer!.tokenText(id), b.tokenizer!.tokenText(id)];
    if (ofA !== ofB)
      throw new InputError(
        l10n.t(
          '{0} and {1} have other vocabularies: token {2} is {3} in the first and {4} in the second.',
          tokenizerFile(a),
          tokenizerFile(b),
          id,
          shown(ofA),
          shown(ofB),
        ),
      );
  }
}
