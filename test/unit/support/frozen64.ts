/**
 * Attention-only models (TransformerLens names) in float64 with patterns and norm scales frozen, as full matrices: what heads write,
 * and what a residual stream means in logits. Shares no code with the engine.
 */
import { forward64, type Hooks64 } from './naive64';
import type { Config, Weights } from './naive/pass';
import type { Matrix, Vector } from './naive/math';

export const zeros = (rows: number, columns: number): Matrix =>
  Array.from({ length: rows }, () => new Array<number>(columns).fill(0));

export const product = (a: Matrix, b: Matrix): Matrix =>
  a.map((row) => b[0]!.map((_, c) => row.reduce((sum, value, i) => sum + value * b[i]![c]!, 0)));

export const plus = (a: Matrix, b: Matrix): Matrix => a.map((row, r) => row.map((value, c) => value + b[r]![c]!));

/** Part `index` of the outermost axis (of `[n, rows, columns]` or `[rows, columns]`) as a matrix. */
export function part(stored: { shape: number[]; data: ArrayLike<number> }, index = 0): Matrix {
  const [rows, columns] = stored.shape.slice(-2) as [number, number];
  return Array.from({ length: rows }, (_, r) =>
    Array.from({ length: columns }, (_, c) => stored.data[(index * rows + r) * columns + c]!),
  );
}

export interface Frozen64 {
  hooks: Hooks64;
  nLayers: number;
  nHeads: number;
  nPos: number;
  /** What the first block reads. */
  start: Matrix;
  /** A head's pattern. */
  A(layer: number, head: number): Matrix;
  /** d_model × d_model, without a norm. */
  W_OV(layer: number, head: number): Matrix;
  /** What the head writes when it reads x: norm (its bias aside, scale frozen), W_OV, pattern. */
  apply(layer: number, head: number, x: Matrix): Matrix;
  /** What the head writes at every position whatever it reads. */
  headBias(layer: number, head: number): Vector;
  b_O(layer: number): Vector;
  /** A residual stream as logits, the final norm's scale frozen; `biases`: its bias and b_U too. */
  logits(x: Matrix, biases: boolean): Matrix;
}

export function frozen64(config: Config, weights: Weights, ids: number[]): Frozen64 {
  const hooks = forward64(config, weights, ids);
  const number = (key: string): number => config[key] as number;
  const [nLayers, nHeads, dModel] = [number('n_layers'), number('n_heads'), number('d_model')];
  const hook = (name: string): Matrix => part(hooks.get(name)!);
  const vector = (name: string, otherwise: number): Vector =>
    Array.from(weights.get(name)?.data ?? new Array<number>(dModel).fill(otherwise));
  const normed = (x: Matrix, name: string): Matrix => {
    const scale = hooks.get(`${name}.hook_scale`);
    if (!scale) return x;
    const gain = vector(`${name}.w`, 1);
    return x.map((row, pos) => {
      const mean = row.reduce((a, b) => a + b, 0) / row.length;
      return row.map((value, i) => ((value - mean) / scale.data[pos]!) * gain[i]!);
    });
  };
  const weight = (layer: number, letter: string, head: number): Matrix =>
    part(weights.get(`blocks.${layer}.attn.W_${letter}`)!, head);
  const embed = hook('hook_embed');
  const standard = (config.positional_embedding_type ?? 'standard') === 'standard';
  const A = once((layer, head) => part(hooks.get(`blocks.${layer}.attn.hook_pattern`)!, head));
  const W_OV = once((layer, head) => product(weight(layer, 'V', head), weight(layer, 'O', head)));
  return {
    hooks,
    nLayers,
    nHeads,
    nPos: ids.length,
    start: standard ? plus(embed, hook('hook_pos_embed')) : embed,
    A,
    W_OV,
    apply: (layer, head, x) => product(A(layer, head), product(normed(x, `blocks.${layer}.ln1`), W_OV(layer, head))),
    headBias: (layer, head) => {
      const b_V = weights.get(`blocks.${layer}.attn.b_V`);
      const W_V = weight(layer, 'V', head);
      const lnBias = hooks.has(`blocks.${layer}.ln1.hook_scale`) ? vector(`blocks.${layer}.ln1.b`, 0) : vector('', 0);
      const v = W_V[0]!.map((_, c) => {
        const own = b_V ? b_V.data[head * W_V[0]!.length + c]! : 0;
        return lnBias.reduce((sum, value, i) => sum + value * W_V[i]![c]!, own);
      });
      return product([v], weight(layer, 'O', head))[0]!;
    },
    b_O: (layer) => vector(`blocks.${layer}.attn.b_O`, 0),
    logits: (x, biases) => {
      const W_U = part(weights.get('unembed.W_U')!);
      const bias = hooks.has('ln_final.hook_scale') ? vector('ln_final.b', 0) : vector('', 0);
      const y = normed(x, 'ln_final').map((row) => row.map((value, i) => value + (biases ? bias[i]! : 0)));
      const b_U = weights.get('unembed.b_U');
      return product(y, W_U).map((row) => row.map((value, t) => value + (biases && b_U ? b_U.data[t]! : 0)));
    },
  };
}

type OfHead = (layer: number, head: number) => Matrix;

/** Computes each head's matrix once. */
function once(compute: OfHead): OfHead {
  const known = new Map<string, Matrix>();
  return (layer, head) => {
    const key = `${layer} ${head}`;
    const matrix = known.get(key) ?? compute(layer, head);
    known.set(key, matrix);
    return matrix;
  };
}

/** A vector at every position. */
export const everywhere = (vector: Vector, nPos: number): Matrix => Array.from({ length: nPos }, () => [...vector]);

/** Heads by their layers, as paths meet them. */
export interface Path64 {
  heads: { layer: number; head: number }[];
  /** What the path leaves in the residual stream. */
  written: Matrix;
}

/**
 * Every path from the embedding, from each head's value bias (with that head as its first) and from each b_O (`from: 'b_O'`),
 * one after another.
 */
export function* allPaths(m: Frozen64): Generator<Path64 & { from: 'embedding' | 'head' | 'b_O'; layer: number }> {
  function* onwards(path: Path64, next: number): Generator<Path64> {
    yield path;
    for (let layer = next; layer < m.nLayers; layer++)
      for (let head = 0; head < m.nHeads; head++)
        yield* onwards(
          { heads: [...path.heads, { layer, head }], written: m.apply(layer, head, path.written) },
          layer + 1,
        );
  }
  for (const path of onwards({ heads: [], written: m.start }, 0)) yield { ...path, from: 'embedding', layer: -1 };
  for (let layer = 0; layer < m.nLayers; layer++) {
    for (let head = 0; head < m.nHeads; head++) {
      const begin = { heads: [{ layer, head }], written: everywhere(m.headBias(layer, head), m.nPos) };
      for (const path of onwards(begin, layer + 1)) yield { ...path, from: 'head', layer };
    }
    const begin = { heads: [], written: everywhere(m.b_O(layer), m.nPos) };
    for (const path of onwards(begin, layer + 1)) yield { ...path, from: 'b_O', layer };
  }
}
