/** Runs an autoencoder over a corpus. Can be stopped at any time and goes on where it was. */
import * as l10n from '@vscode/l10n';
import type { Corpus, CorpusSummary, SweepParams } from '../../../protocol/latents/corpus';
import { InputError } from '../../checkpoint/errors';
import { wholeNumber } from '../../circuits/params';
import { layerHook } from '../../graph/hooks';
import type { LatentAnalysis } from '../../latentHandlers';
import type { Steps } from '../../runtime/types';
import { checkDeadBelow } from '../deadLatents';
import { encodeIds, encodeResid, trimmed } from '../encodePrompt';
import type { EncodedText } from '../encodePrompt';
import type { Codes } from '../distributions';
import type { OpenSae } from '../types';
import { centreOf, type Beginning } from './centre';
import { placeOf } from './examples';
import { corpusFiles, resultsOf } from './files';
import type { CorpusFile } from './files';
import { otherFolder } from './folder';
import { difference, identityOf } from './identity';
import { Progress } from './progress';
import { checkText, contextOf, sequences } from './sequences';
import { SweepState } from './state';
import type { SweepHead } from './state';
import { readRecord, SweepWriter } from './store';
import { summaryOf } from './summary';
import { residTogether, sequencesAtOnce, windows } from './together';

const MAX_EXAMPLES = 64;

/** Between two saves; more where saving takes long, so that it takes little of the whole. */
const SAVE_MS = 10_000;
const SAVE_SHARE = 0.05;

/**
 * Counts, totals, statistics and examples over a corpus, kept in `out` and saved every 10 s. What was saved there before, by the
 * same request, is gone on with; a sweep that is complete is only read. A shard has every `count`-th part of the corpus.
 * @throws InputError when `out` has another sweep, and for texts that cannot be read
 */
export const sweep: LatentAnalysis<'sweep'> = (open, params, steps) => sweepSaving(open, params, steps, SAVE_MS);

/** @param saveMs between two saves */
export async function sweepSaving(
  open: OpenSae,
  { corpus, out, shard, examples = 4, deadBelow }: Omit<SweepParams, 'saeId'>,
  steps: Steps,
  saveMs: number,
): Promise<CorpusSummary> {
  wholeNumber('examples', examples, MAX_EXAMPLES);
  checkShard(shard);
  checkDeadBelow(deadBelow);
  const files = await corpusFiles(corpus, resultsOf(out, shard !== undefined));
  const { layers, nLatents } = open.sae;
  const identity = await identityOf(open, corpus, files, examples);
  const head = { identity, shard: shard ?? null, globs: corpus.globs, layers, nLatents };
  const before = await savedSweep(out, head);
  if (before?.complete) return summaryOf(before, out, deadBelow);
  await checkText(corpus, open.model.checkpoint, files);
  const writer = new SweepWriter(out);
  // before the model runs: the folder may not be writable
  await writer.begin(files.map(({ name }) => name));
  const begun = before ? undefined : await centreOf(open, corpus, files, steps, wanted(shard));
  const state = before ?? SweepState.empty(head, begun?.centre ?? []);
  const save = (): Promise<void> => writer.save(state.record(), state.arrays());
  try {
    await read(open, corpus, files, state, steps, { save, everyMs: saveMs, begun });
    state.complete = true;
  } finally {
    // also when it was cancelled or a text is bad
    await save();
  }
  return summaryOf(state, out, deadBelow);
}

/** Runs one sequence. */
export type TextOf = (ids: number[], steps: Steps) => Promise<EncodedText>;

/** The same sums without examples and without a folder. */
export async function corpusTotals(
  open: OpenSae,
  corpus: Corpus,
  steps: Steps,
  { deadBelow, textOf }: { deadBelow?: number; textOf?: TextOf } = {},
): Promise<CorpusSummary> {
  checkDeadBelow(deadBelow);
  const files = await corpusFiles(corpus);
  const { layers, nLatents } = open.sae;
  const identity = await identityOf(open, corpus, files, 0);
  const head = { identity, shard: null, globs: corpus.globs, layers, nLatents };
  await checkText(corpus, open.model.checkpoint, files);
  const begun = await centreOf(open, corpus, files, steps, () => textOf === undefined);
  const state = SweepState.empty(head, begun.centre);
  await read(open, corpus, files, state, steps, { save: async () => undefined, everyMs: Infinity, textOf, begun });
  state.complete = true;
  return summaryOf(state, '', deadBelow);
}

function checkShard(shard: { index: number; count: number } | undefined): void {
  if (!shard) return;
  const { index, count } = shard;
  if (!Number.isInteger(count) || count < 1 || !Number.isInteger(index) || index < 0 || index >= count)
    throw new InputError(
      l10n.t('shard: found {0}/{1}; expected i/n with i from 0 to n − 1.', String(index), String(count)),
    );
}

/** @throws InputError when the folder has another sweep */
async function savedSweep(out: string, { identity, shard }: SweepHead): Promise<SweepState | undefined> {
  const record = await readRecord(out);
  if (!record) return undefined;
  const name = (s: SweepHead['shard']): string =>
    s ? l10n.t('shard {0}/{1}', s.index, s.count) : l10n.t('the whole corpus');
  const other =
    difference(record.identity, identity) ??
    (name(record.shard) === name(shard) ? undefined : l10n.t('{0}, not {1}', name(record.shard), name(shard)));
  if (other) throw new InputError(l10n.t('{0} has a sweep of {1}: {2}', out, other, otherFolder()));
  return SweepState.load(out, record);
}

/** The parts of a shard. */
const wanted =
  (shard: SweepHead['shard'] | undefined) =>
  (part: number): boolean =>
    !shard || part % shard.count === shard.index;

/** Reads what is left of the corpus. */
async function read(
  open: OpenSae,
  corpus: Corpus,
  files: CorpusFile[],
  state: SweepState,
  steps: Steps,
  { save, everyMs, textOf, begun }: { save: () => Promise<void>; everyMs: number; textOf?: TextOf; begun?: Beginning },
): Promise<void> {
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const progress = new Progress(steps, { bytes, tokens: corpus.maxTokens ?? Infinity });
  const texts = sequences(corpus, open.model.checkpoint, {
    files,
    from: state.cursor ?? undefined,
    wants: wanted(state.head.shard),
    notice: (message) => state.notices.includes(message) || state.notices.push(message),
    tick: progress.tick,
    idsOf: (part, encode) => begun?.texts.get(part) ?? encode(),
  });
  const run = textOf ?? ((ids: number[], within: Steps): Promise<EncodedText> => encodeIds(open, ids, within));
  const n = contextOf(corpus, open.model.checkpoint);
  const atOnce = { n, size: textOf ? 1 : sequencesAtOnce(open.model, n) };
  const hooks = open.sae.layers.map((layer) => layerHook(layer, 'residPost'));
  let due = performance.now() + everyMs;
  for await (const window of windows(texts, atOnce.n, atOnce.size)) {
    await progress.next(window[0]!);
    const unknown = window.filter((sequence) => !begun?.resid.has(placeOf(sequence)));
    const together = await residTogether(open.model, hooks, unknown, atOnce, progress.within);
    for (const sequence of window) {
      await progress.next(sequence);
      const known = begun?.resid.get(placeOf(sequence)) ?? together.get(sequence);
      begun?.resid.delete(placeOf(sequence));
      const text = await (known ? encodeResid(open, known, progress.within) : run(sequence.ids, progress.within));
      state.add(sequence, text, codesOf(open, text, sequence.ids.length));
      progress.ran(sequence.ids.length);
      if (performance.now() < due) continue;
      const start = performance.now();
      await save();
      due = performance.now() + Math.max(everyMs, everyMs && (performance.now() - start) / SAVE_SHARE);
    }
  }
}

const codesOf = ({ sae }: OpenSae, { encoded }: EncodedText, nTokens: number): Codes => ({
  nTokens,
  layers: sae.layers,
  ...(sae.activate.kind === 'topk' ? encoded : trimmed(encoded)),
});
