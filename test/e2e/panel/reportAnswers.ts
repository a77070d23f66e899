/** Answers that are made up, for the panels that show one; tests compute what they expect from the same numbers. */
import type { Prediction, Token } from '../../../src/protocol/analysis';
import type { CircuitRequests } from '../../../src/protocol/circuits';
import type { PathTerm } from '../../../src/protocol/circuits/paths';
import type { ReportMethod, ReportQuestions } from '../../../src/protocol/reportPanel';

type Params<M extends ReportMethod> = ReportQuestions[M] & { position: number };
type Answers = { [M in ReportMethod]: (tokens: Token[], params: Params<M>) => CircuitRequests[M][1] };

/** 0–1, always the same for the same numbers. */
export const noise = (...seed: number[]): number =>
  Math.abs(Math.sin(seed.reduce((sum, n, i) => sum + n * (12.9898 + 7.13 * i), 1)) * 43758.5453) % 1;

const WORDS = ['(', ' add', ' b', '\n', 'R', '<b>x</b>', ' number', ';'];
const predictionsAt = (position: number): Prediction[] =>
  [0.5, 0.2, 0.1].map((p, i) => ({
    id: (position + i) % WORDS.length,
    text: WORDS[(position + i) % WORDS.length]!,
    p,
  }));

function headTerm(
  name: string,
  heads: PathTerm['heads'],
  kind: PathTerm['kind'],
  position: number,
  seed: number,
): PathTerm {
  const bySource = Float32Array.from(
    { length: position + 1 },
    (_, src) => (noise(seed, src) - 0.45) ** 3 / (heads?.length ?? 1),
  );
  return { name, kind, heads: heads ?? [], bySource, value: bySource.reduce((sum, value) => sum + value, 0) };
}

function pathTerms(position: number): PathTerm[] {
  const heads = Array.from({ length: 16 }, (_, i) => ({ layer: Math.floor(i / 8), head: i % 8 }));
  const name = ({ layer, head }: { layer: number; head: number }): string => `L${layer}H${head}`;
  const single = heads.map((head, i) => headTerm(name(head), [head], 'head', position, i + 1));
  const virtual = heads.slice(0, 8).flatMap((first, i) =>
    heads.slice(8).map((second, j) => {
      const both = `${name(first)}→${name(second)}`;
      return headTerm(both, [first, second], 'virtualHead', position, 100 + i * 8 + j);
    }),
  );
  const rest: PathTerm[] = [
    { name: 'direct path', kind: 'direct', value: 1.25 },
    { name: 'L0 b_O', kind: 'bias', value: -0.03 },
    { name: 'b_U', kind: 'bias', value: -0.4 },
  ];
  return [...single, ...virtual, ...rest].sort((a, b) => Math.abs(b.value) - Math.abs(a.value));
}

export const answers: Answers = {
  paths: (tokens, { position, token }) => {
    const terms = pathTerms(position);
    const sum = terms.reduce((total, { value }) => total + value, 0);
    const { id, text } = predictionsAt(position)[0]!;
    return {
      tokens,
      position,
      token: token ? { id: token.id ?? 77, text: token.text ?? WORDS[token.id ?? 0] ?? 'R' } : { id, text },
      logit: sum + 2e-6,
      sum,
      form: 'paths',
      terms,
      notices: [],
    };
  },
  lens: (tokens) => {
    const stages = ['L0', 'L1', 'L2', 'L3', 'out'].map((label) => ({ hook: label, label }));
    const k = 3;
    const count = stages.length * tokens.length;
    const answerP = Float32Array.from({ length: count }, (_, i) => noise(i, 3) ** (5 - Math.floor(i / tokens.length)));
    const topP = Float32Array.from({ length: count * k }, (_, i) => noise(Math.floor(i / k), 9) / (1 + (i % k)));
    return {
      tokens,
      stages,
      k,
      topIds: Int32Array.from({ length: count * k }, (_, i) => (Math.floor(i / k) + (i % k)) % WORDS.length),
      topP,
      answers: tokens.map((_, position) => predictionsAt(position)[0]!),
      answerP,
      answerRank: Int32Array.from(answerP, (p) => Math.round(20 * (1 - p))),
      nextP: answerP.map((p) => p / 2),
      nextRank: Int32Array.from(answerP, () => 4),
      texts: Object.fromEntries(WORDS.map((text, id) => [id, text])),
      notices: [],
    };
  },
  bigrams: (_, { token, top }) => {
    const source = Number(token ?? -1);
    const list = Array.from({ length: Math.min(top ?? 20, 120) }, (_, i) => ({
      source: token === undefined ? { id: i % 5, text: WORDS[i % 5]! } : { id: 4, text: WORDS[4]! },
      output: { id: i, text: `${WORDS[(i * 3) % 8]!}${i}` },
      logit: 12 - i * 0.1 + noise(i, 2) * 0.5,
      logProb: -0.2 - i * 0.07,
    }));
    const known = token === undefined ? {} : { token: { id: Number.isNaN(source) ? 4 : source, text: WORDS[4]! } };
    return { ...known, bigrams: list, foldNorm: true, notices: [] };
  },
  importance: (tokens) => {
    const heads = Array.from({ length: 16 }, (_, i) => ({ layer: Math.floor(i / 8), head: i % 8 }));
    const terms = heads.map((head, i) => ({
      name: `L${head.layer}H${head.head}`,
      kind: 'head' as const,
      heads: [head],
      effect: (noise(i, 5) - 0.4) ** 3,
    }));
    const pair = [heads[4]!, heads[13]!];
    const virtual = { name: 'L0H4→L1H5', kind: 'virtualHead' as const, heads: pair, effect: 0.1 };
    const orders = [8.2, 4.1, 2.37].map((loss, n) => ({ n, loss }));
    return { tokens, loss: 2.37, orders, terms: [...terms, virtual], notices: [] };
  },
  patch: (tokens) => {
    const clean = tokens.slice(0, 20);
    const corrupted = clean.map((token, i) => (i === 2 ? { ...token, id: 9999, text: ' sum' } : token));
    return {
      cleanTokens: clean,
      corruptedTokens: corrupted,
      answer: { id: 8, text: ' add' },
      wrong: { id: 9, text: ' sum' },
      nLayers: 4,
      nHeads: 8,
      clean: 3.25,
      corrupted: -1.5,
      resid: Float32Array.from({ length: 4 * 20 }, (_, i) =>
        i % 20 === 2 ? 1 - Math.floor(i / 20) * 0.3 : (noise(i) - 0.5) ** 3,
      ),
      heads: Float32Array.from({ length: 32 }, (_, i) => (i === 13 ? 0.7 : (noise(i, 4) - 0.6) * 0.4)),
      notices: [],
    };
  },
  ablate: (tokens, { heads, mean }) => {
    const side = (by: number): CircuitRequests['ablate'][1]['before'] => ({
      loss: 2.37 + by,
      tokenLoss: Float32Array.from(tokens, (_, i) => (i === 0 ? NaN : 1 + noise(i) * 4 + by * noise(i, 7) * 3)),
      predictions: tokens.map((_, i) => predictionsAt(by > 0 && i % 5 === 0 ? i + 1 : i)),
    });
    return { tokens, heads, mean: mean ?? false, before: side(0), after: side(0.4), notices: [] };
  },
};
