/** All that a sweep has gathered, in memory and on disk. */
import * as l10n from '@vscode/l10n';
import type { Corpus } from '../../../protocol/latents/corpus';
import { InputError } from '../../checkpoint/errors';
import type { TensorData } from '../../checkpoint/safetensors';
import type { EncodedText } from '../encodePrompt';
import type { Codes } from '../distributions';
import { Examples, PER_EXAMPLE, PER_TOKEN, WINDOW } from './examples';
import type { ExampleArrays } from './examples';
import type { Identity } from './identity';
import type { Cursor, Sequence } from './sequences';
import { StoredArrays } from './store';
import type { SweepArrays, SweepRecord } from './store';
import { Totals } from './totals';
import type { Centre } from './totals';

export interface SweepHead {
  identity: Identity;
  shard: { index: number; count: number } | null;
  globs: Corpus['globs'];
  layers: number[];
  nLatents: number;
}

export class SweepState {
  complete = false;
  cursor: Cursor | null = null;
  notices: string[] = [];

  constructor(
    readonly head: SweepHead,
    readonly totals: Totals,
    readonly examples: Examples,
    /** Means of the residuals at the beginning of the corpus. */
    readonly centre: Centre,
  ) {}

  static empty(head: SweepHead, centre: Centre): SweepState {
    const { layers, nLatents, identity } = head;
    const examples = new Examples(nLatents, layers.length, identity.examples);
    return new SweepState(head, new Totals(layers, nLatents), examples, centre);
  }

  static async load(dir: string, record: SweepRecord): Promise<SweepState> {
    const { layers, nLatents, identity, complete, cursor, notices } = record;
    const arrays = await StoredArrays.open(dir, record);
    const examples = await readExamples(arrays, record);
    const centre = await readCentre(arrays, layers.length);
    const kept = new Examples(nLatents, layers.length, identity.examples, examples);
    const state = new SweepState(record, await readTotals(arrays, record), kept, centre);
    return Object.assign(state, { complete, cursor, notices });
  }

  add(sequence: Sequence, text: EncodedText, codes: Codes): void {
    this.totals.add(text, codes, this.centre, sequence.first, this.head.identity.autoencoder);
    this.examples.offer(sequence, codes);
    this.cursor = sequence.next;
  }

  record(): Omit<SweepRecord, 'version' | 'tensors' | 'writer'> {
    const { head, complete, cursor, notices, totals } = this;
    const { identity, shard, globs, layers, nLatents } = head;
    const scalars = totals.storedScalars;
    return { identity, shard, globs, layers, nLatents, complete, cursor: complete ? null : cursor, scalars, notices };
  }

  arrays(): SweepArrays {
    const { layers, nLatents, identity } = this.head;
    const shape = [layers.length, nLatents];
    this.examples.sort();
    const { arrays } = this.examples;
    const of = (shape: number[], names: readonly (keyof ExampleArrays)[]): SweepArrays =>
      Object.fromEntries(names.map((name) => [`examples.${name}`, { shape, data: arrays[name] }]));
    const centre = Float64Array.from(this.centre.flatMap((mean) => [...mean]));
    return {
      counts: { shape, data: this.totals.wholeCounts },
      totals: { shape, data: this.totals.totals },
      centre: { shape: [this.centre.length, this.centre[0]?.length ?? 0], data: centre },
      ...of([...shape, identity.examples], PER_EXAMPLE),
      ...of([...shape, identity.examples, WINDOW], PER_TOKEN),
    };
  }
}

export async function readTotals(arrays: StoredArrays, { layers, nLatents, scalars }: SweepRecord): Promise<Totals> {
  const shape = [layers.length, nLatents];
  const counts = await readNumbers(arrays, 'counts', shape);
  return new Totals(layers, nLatents, {
    counts,
    totals: await readNumbers(arrays, 'totals', shape),
    scalars,
  });
}

/** Of whatever dtype. @throws InputError when one is not finite */
async function readNumbers(arrays: StoredArrays, name: string, shape: number[]): Promise<Float64Array> {
  const numbers = Float64Array.from((await arrays.read(name, shape)) as ArrayLike<number | bigint>, Number);
  if (!numbers.every(Number.isFinite))
    throw new InputError(l10n.t('{0}: tensor {1} is not finite.', arrays.path, name));
  return numbers;
}

async function readCentre(arrays: StoredArrays, nLayers: number): Promise<Centre> {
  const [n = 0, width = 0] = arrays.shape('centre');
  const all = await readNumbers(arrays, 'centre', [n, width]);
  return n === nLayers ? Array.from({ length: n }, (_, l) => all.slice(l * width, (l + 1) * width)) : [];
}

/** Those of some (layer, latent), `from` to before `to`; of all by default. */
export async function readExamples(
  arrays: StoredArrays,
  { layers, nLatents, identity: { examples: per } }: SweepRecord,
  from = 0,
  to = layers.length * nLatents,
): Promise<ExampleArrays> {
  const shape = [layers.length, nLatents, per];
  const part = { from: from * per, to: to * per };
  const perToken = { from: part.from * WINDOW, to: part.to * WINDOW };
  const found: Partial<Record<keyof ExampleArrays, TensorData['data']>> = {};
  for (const name of PER_EXAMPLE) found[name] = await arrays.read(`examples.${name}`, shape, part);
  for (const name of PER_TOKEN) found[name] = await arrays.read(`examples.${name}`, [...shape, WINDOW], perToken);
  return found as ExampleArrays;
}
