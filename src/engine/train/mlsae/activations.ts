/** Residual streams of a corpus, computed as they are needed and never all held. */
import * as l10n from '@vscode/l10n';
import { Tensor } from 'onnxruntime-node';
import type { Corpus } from '../../../protocol/latents/corpus';
import { InputError } from '../../checkpoint/errors';
import type { OpenModel } from '../../circuitHandlers';
import { seededUniform } from '../../circuits/random';
import { layerHook } from '../../graph/hooks';
import type { CorpusFile } from '../../mlsae/corpus/files';
import { sequences, type Cursor, type Sequence } from '../../mlsae/corpus/sequences';
import type { Steps } from '../../runtime/types';

/** Sequences that are shuffled together: enough that a batch is of many texts. */
const BLOCK = 2048;

/** How far the corpus was read. */
export interface Place {
  /** Times that it was read to its end. */
  pass: number;
  /** Where the block that is being read begins; null: the corpus. */
  cursor: Cursor | null;
  /** Sequence of the shuffled block, and tokens of it that were used. */
  index: number;
  used: number;
}

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
const hasCounts = (value: unknown, names: string[]): boolean =>
  isObject(value) && names.every((n) => isCount(value[n]));

/** Whether a value that was read from a file is one. */
export const isPlace = (value: unknown): value is Place =>
  hasCounts(value, ['pass', 'index', 'used']) &&
  ((value as Place).cursor === null || isCursor((value as Place).cursor));
const isCursor = (value: unknown): boolean =>
  hasCounts(value, ['part', 'start', 'tokens']) && hasCounts((value as Cursor).file, ['file', 'parts']);

export const BEGIN: Place = { pass: 0, cursor: null, index: 0, used: 0 };

interface StreamOptions {
  corpus: Corpus;
  /** Of `corpusFiles`. */
  files: CorpusFile[];
  layers: number[];
  /** Of a batch. */
  tokens: number;
  seed: number;
  notice: (message: string) => void;
}

/** Batches of rows, in an order that follows from the seed. Where the corpus ends it begins again, in another order. */
export class Activations {
  private readonly width: number;
  private source: AsyncGenerator<{ ids: number[]; place: Place }> | undefined;
  /** Rows of the sequence that was run last, and how many of them are used. `[row, n_inputs]` for each layer */
  private rest: { rows: Float32Array[]; used: number; place: Place } | undefined;

  constructor(
    private readonly model: OpenModel,
    private readonly options: StreamOptions,
    private readonly from: Place = BEGIN,
  ) {
    this.width = model.checkpoint.description.dModel;
  }

  /** `[layer · token, n_inputs]`, all tokens of the first layer first; and where the next batch begins. */
  async next(steps: Steps): Promise<{ x: Tensor; place: Place }> {
    const { layers, tokens } = this.options;
    const { width } = this;
    const x = new Float32Array(layers.length * tokens * width);
    for (let filled = 0; filled < tokens;) {
      this.rest ??= await this.run(steps);
      const { rows, used } = this.rest;
      const taken = Math.min(tokens - filled, rows[0]!.length / width - used);
      rows.forEach((all, l) =>
        x.set(all.subarray(used * width, (used + taken) * width), (l * tokens + filled) * width),
      );
      filled += taken;
      this.rest.used += taken;
      if (filled < tokens) this.rest = undefined;
    }
    const { place, used } = this.rest!;
    return { x: new Tensor('float32', x, [layers.length * tokens, width]), place: { ...place, used } };
  }

  /** Runs the model on the next sequence; special tokens are left out. */
  private async run(steps: Steps): Promise<NonNullable<Activations['rest']>> {
    const { checkpoint, runner } = this.model;
    this.source ??= this.shuffled(steps);
    const hooks = this.options.layers.map((layer) => layerHook(layer, 'residPost'));
    const special = checkpoint.tokenizer?.specialIds;
    for (;;) {
      const { ids, place } = (await this.source.next()).value as { ids: number[]; place: Place };
      const kept = [...ids.keys()].filter((i) => !special?.has(ids[i]!));
      if (kept.length <= place.used) continue;
      const run = await runner.run({ ids, hooks }, steps);
      const rows = hooks.map((hook) => gathered(run.hooks[hook]!.data, kept, this.width));
      return { rows, used: place.used, place };
    }
  }

  /** Never ends. */
  private async *shuffled(steps: Steps): AsyncGenerator<{ ids: number[]; place: Place }> {
    const { corpus, seed, notice } = this.options;
    const { checkpoint } = this.model;
    let { pass, cursor, index, used } = this.from;
    for (;;) {
      const tick = (): Promise<void> => steps.step(l10n.t('Reading the corpus'));
      const files = this.filesOf(pass);
      const all = sequences(corpus, checkpoint, { files, notice, tick, ...(cursor && { from: cursor }) });
      let any = cursor !== null;
      for (;;) {
        const block = await take(all, BLOCK);
        if (block.length === 0) break;
        const order = permutation(block.length, mixed(seed, pass, cursor?.part ?? -1, cursor?.start ?? 0));
        for (; index < block.length; index++) {
          const { ids } = block[order[index]!]!;
          any ||= ids.some((id) => !checkpoint.tokenizer?.specialIds?.has(id));
          yield { ids, place: { pass, cursor, index, used } };
          used = 0;
        }
        [cursor, index] = [block.at(-1)!.next, 0];
      }
      if (!any) throw new InputError(l10n.t('{0}: the texts have no tokens to train on.', corpus.globs.join(', ')));
      [pass, cursor] = [pass + 1, null];
    }
  }

  /** In the order of the pass. With a limit of tokens that of their names, so that every pass reads the same tokens. */
  private filesOf(pass: number): CorpusFile[] {
    const { files, seed, corpus } = this.options;
    if (corpus.maxTokens !== undefined) return files;
    return permutation(files.length, mixed(seed, pass)).map((i) => files[i]!);
  }
}

/** The next `n` sequences, fewer at the end. */
async function take(all: AsyncGenerator<Sequence>, n: number): Promise<Sequence[]> {
  const taken: Sequence[] = [];
  while (taken.length < n) {
    const { done, value } = await all.next();
    if (done) break;
    taken.push(value);
  }
  return taken;
}

/** Some rows. */
function gathered(all: Float32Array, rows: number[], width: number): Float32Array {
  const isAll = rows.length * width === all.length;
  if (isAll) return all;
  const some = new Float32Array(rows.length * width);
  rows.forEach((row, i) => some.set(all.subarray(row * width, (row + 1) * width), i * width));
  return some;
}

/** A seeded order of 0 to n − 1 (Fisher and Yates). */
function permutation(n: number, seed: number): number[] {
  const uniform = seededUniform(seed);
  const order = Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = Math.floor(uniform() * (i + 1));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

/** One seed of several numbers. */
const mixed = (...numbers: number[]): number =>
  numbers.reduce((hash, n) => Math.imul(hash ^ (n + 0x9e3779b9), 0x85ebca6b) ^ (hash >>> 13), 0x27d4eb2f) >>> 0;
