/** How two checkpoints' predictions on a prompt differ. */
import * as l10n from '@vscode/l10n';
import type { ComparedSide } from '../../protocol/compare';
import type { Prediction } from '../../protocol/analysis';
import type { OpenModel } from '../circuitHandlers';
import { wholeNumber } from '../circuits/params';
import { tokenTextOf } from '../prompt';
import type { Steps } from '../runtime/types';
import { comparedPrompt } from './prompt';
import { minus, type CompareParams, type CompareResult, type Two } from './two';

const MAX_TOP = 100;
/** Logits of one checkpoint that are held at a time: at least one position's. */
const LOGIT_BYTES = 256e6;
/** Logits that are read between two looks at the cancel button. */
const LOGITS_PER_STEP = 2 ** 21;

/**
 * Log-probability of every token of the prompt and KL(A ‖ B) of the next token after every position, in float64 from the
 * logits of both.
 * @param logitBytes of one checkpoint that are held
 */
export async function compareNextTokens(
  two: Two,
  params: CompareParams<'compareNextTokens'>,
  steps: Steps,
  logitBytes = LOGIT_BYTES,
): CompareResult<'compareNextTokens'> {
  const { dVocab } = two.a.checkpoint.description;
  const topK = Math.min(dVocab, wholeNumber('topK', params.topK ?? 5, MAX_TOP));
  const { tokens, ids, notices } = await comparedPrompt(two, params);
  const n = ids.length;
  const kl = new Float32Array(n);
  const [a, b] = [two.a, two.b].map((model) => new Side(model, ids, topK)) as [Side, Side];
  const atOnce = Math.max(1, Math.floor(logitBytes / (4 * dVocab)));
  for (let from = 0; from < n; from += atOnce) {
    const to = Math.min(n, from + atOnce);
    await steps.step(l10n.t('Comparing the predictions of {0} of {1} tokens', to, n), from / n);
    const [logitsA, logitsB] = await logitsOfTwo(two, ids, { from, to }, steps);
    for (let pos = from; pos < to; pos++) {
      if ((pos - from) % Math.ceil(LOGITS_PER_STEP / dVocab) === 0)
        await steps.step(l10n.t('Comparing the predictions of {0} of {1} tokens', to, n), pos / n);
      const row = (logits: Float32Array): Float32Array =>
        logits.subarray((pos - from) * dVocab, (pos - from + 1) * dVocab);
      const [rowA, rowB] = [row(logitsA), row(logitsB)];
      kl[pos] = divergence(rowA, a.read(pos, rowA), rowB, b.read(pos, rowB));
    }
  }
  const [sideA, sideB] = [a.result(), b.result()];
  return { tokens, a: sideA, b: sideB, delta: minus(sideB.logProbs, sideA.logProbs), kl, notices };
}

/** `[to − from, d_vocab]` of both. What comes after `to` changes nothing before it, and is not run. */
async function logitsOfTwo(
  { a, b }: Two,
  ids: number[],
  { from, to }: { from: number; to: number },
  steps: Steps,
): Promise<[Float32Array, Float32Array]> {
  const of = async ({ runner }: OpenModel): Promise<Float32Array> => {
    const request = { ids: ids.slice(0, to), hooks: ['logits'], unembedFrom: from };
    return (await runner.run(request, steps)).hooks.logits!.data;
  };
  return [await of(a), await of(b)];
}

/** What is read off one checkpoint's logits. */
class Side {
  private readonly logProbs: Float32Array;
  private readonly predictions: Prediction[][] = [];
  private sum = 0;

  constructor(
    private readonly model: OpenModel,
    private readonly ids: number[],
    private readonly topK: number,
  ) {
    this.logProbs = new Float32Array(ids.length).fill(NaN);
  }

  /** @returns log Σ exp of the logits after `pos` */
  read(pos: number, logits: Float32Array): number {
    const all = logSumExp(logits);
    const textOf = tokenTextOf(this.model.checkpoint);
    this.predictions.push(
      largest(logits, this.topK).map((id) => ({ id, text: textOf(id), p: Math.exp(logits[id]! - all) })),
    );
    if (pos + 1 < this.ids.length) {
      const logProb = logits[this.ids[pos + 1]!]! - all;
      this.logProbs[pos + 1] = logProb;
      this.sum += logProb;
    }
    return all;
  }

  result(): ComparedSide {
    return { loss: -this.sum / (this.ids.length - 1), logProbs: this.logProbs, predictions: this.predictions };
  }
}

function logSumExp(logits: Float32Array): number {
  let max = -Infinity;
  for (const logit of logits) if (logit > max) max = logit;
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - max);
  return max + Math.log(sum);
}

/** KL(p ‖ q), nats: Σ p (log p − log q). The sum of rounded terms may fall below 0, the divergence cannot. */
function divergence(p: Float32Array, sumP: number, q: Float32Array, sumQ: number): number {
  let kl = 0;
  for (let id = 0; id < p.length; id++) {
    const logP = p[id]! - sumP;
    kl += Math.exp(logP) * (logP - (q[id]! - sumQ));
  }
  return Math.max(0, kl);
}

/** Ids of the k largest, largest first; the lower id first among equals. */
function largest(logits: Float32Array, k: number): number[] {
  const ids: number[] = [];
  for (let id = 0; id < logits.length; id++) {
    const value = logits[id]!;
    if (ids.length === k && !(value > logits[ids[k - 1]!]!)) continue;
    let at = ids.length;
    while (at > 0 && value > logits[ids[at - 1]!]!) at--;
    ids.splice(at, 0, id);
    if (ids.length > k) ids.pop();
  }
  return ids;
}
