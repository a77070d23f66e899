/**
 * The pieces of a transformer in plain float64 loops over number arrays, for `naive64.ts`. Shares no code with the
 * engine on purpose: it is the second way in which the tests compute everything.
 */

export type Vector = number[];
/** `[row][column]`; a sequence of activations is `[pos][d]`. */
export type Matrix = number[][];
/** `[pos][head][d_head]` */
export type Heads = number[][][];

/** A weight as stored, row by row. */
export interface Stored {
  shape: number[];
  data: ArrayLike<number>;
}

/** torch.nn.Linear: y = x Wᵀ + b, W `[out, in]`. */
export function linear(x: Matrix, W: Stored, b?: Stored): Matrix {
  const [nOut, nIn] = W.shape as [number, number];
  return x.map((row) => {
    const y: Vector = [];
    for (let o = 0; o < nOut; o++) {
      let sum = b ? b.data[o]! : 0;
      for (let i = 0; i < nIn; i++) sum += row[i]! * W.data[o * nIn + i]!;
      y.push(sum);
    }
    return y;
  });
}

/** The same with W stored `[in, out]`, as GPT-2's Conv1D and TransformerLens's W_U. */
export const conv1d = (x: Matrix, W: Stored, b?: Stored): Matrix => linear(x, transpose(W), b);

export function transpose(W: Stored): Stored {
  const [rows, columns] = W.shape as [number, number];
  const data: number[] = [];
  for (let c = 0; c < columns; c++) for (let r = 0; r < rows; r++) data.push(W.data[r * columns + c]!);
  return { shape: [columns, rows], data };
}

export const lookUp = (table: Stored, rows: number[]): Matrix => {
  const width = table.shape[1]!;
  return rows.map((r) => Array.from({ length: width }, (_, c) => table.data[r * width + c]!));
};

export const add = (a: Matrix, b: Matrix): Matrix => a.map((row, r) => row.map((value, c) => value + b[r]![c]!));
export const times = (a: Matrix, b: Matrix): Matrix => a.map((row, r) => row.map((value, c) => value * b[r]![c]!));
export const mapped = (a: Matrix, f: (x: number) => number): Matrix => a.map((row) => row.map(f));

const mean = (values: Vector): number => values.reduce((sum, value) => sum + value, 0) / values.length;

export interface Normed {
  out: Matrix;
  /** TransformerLens's hook_scale, `[pos][1]`. */
  scale: Matrix;
}

/** (x - mean) / sqrt(var + eps) * w + b; without w and b it is TransformerLens's LNPre. */
export function layerNorm(x: Matrix, eps: number, w?: Stored, b?: Stored): Normed {
  const centred = x.map((row) => row.map((value) => value - mean(row)));
  return scaled(centred, eps, w, b);
}

/** x / sqrt(mean(x²) + eps) * w */
export const rmsNorm = (x: Matrix, eps: number, w: Stored): Normed => scaled(x, eps, w);

function scaled(x: Matrix, eps: number, w?: Stored, b?: Stored): Normed {
  const scale = x.map((row) => [Math.sqrt(mean(row.map((value) => value * value)) + eps)]);
  const out = x.map((row, r) =>
    row.map((value, c) => (value / scale[r]![0]!) * (w ? w.data[c]! : 1) + (b ? b.data[c]! : 0)),
  );
  return { out, scale };
}

/** erf by its all-positive series, 2/√π e^(-x²) Σ 2ⁿ x^(2n+1) / (2n+1)!! */
export function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** `ACT2FN` of transformers. */
export const activations: Record<string, (x: number) => number> = {
  gelu: (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
  gelu_new: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  silu: (x) => x / (1 + Math.exp(-x)),
  relu: (x) => Math.max(0, x),
};

export const splitHeads = (x: Matrix, nHeads: number): Heads =>
  x.map((row) => {
    const dHead = row.length / nHeads;
    return Array.from({ length: nHeads }, (_, h) => row.slice(h * dHead, (h + 1) * dHead));
  });

/** transformers' repeat_kv: head h of the result is key/value head floor(h / times). */
export const repeatHeads = (x: Heads, times: number): Heads =>
  x.map((heads) => heads.flatMap((head) => Array.from({ length: times }, () => head)));

/** Rotary positions on the first 2·|invFreq| dimensions, in rotate-half pairs (i, i + |invFreq|). */
export const rotate = (x: Heads, invFreq: Vector): Heads =>
  x.map((heads, pos) =>
    heads.map((head) => {
      const half = invFreq.length;
      const turned = [...head];
      invFreq.forEach((freq, i) => {
        const [cos, sin] = [Math.cos(pos * freq), Math.sin(pos * freq)];
        turned[i] = head[i]! * cos - head[i + half]! * sin;
        turned[i + half] = head[i + half]! * cos + head[i]! * sin;
      });
      return turned;
    }),
  );

const dot = (a: Vector, b: Vector): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);

export function softmax(scores: Vector): Vector {
  const top = Math.max(...scores);
  const weights = scores.map((score) => Math.exp(score - top));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

export interface AttentionInput {
  /** What the scores are made of: after rotary positions, where there are any. */
  q: Heads;
  k: Heads;
  v: Heads;
  /** Scores are q·k / scale. */
  scale: number;
  /** A destination sees itself and the window - 1 tokens before it. */
  window?: number | undefined;
  /** Output matrix of one head, `[d_head][d_model]`. */
  W_O: Matrix[];
  b_O?: Stored | undefined;
  /** An intervention: what stands in the place of the pattern or of z. */
  edit?: <T>(name: 'hook_pattern' | 'hook_z', values: T) => T;
}

export interface Attended {
  /** `[head][dst][src]`, -Infinity where masked. */
  scores: number[][][];
  pattern: number[][][];
  /** ‖v_s W_O‖, `[head][src]` */
  valueNorm: Matrix;
  z: Heads;
  /** `[pos][d_model]` */
  out: Matrix;
}

/** Causal attention of all heads. */
export function attention({
  q,
  k,
  v,
  scale,
  window = Infinity,
  W_O,
  b_O,
  edit = (_, x) => x,
}: AttentionInput): Attended {
  const positions = q.map((_, pos) => pos);
  const sees = (dst: number, src: number): boolean => src <= dst && dst - src < window;
  const throughO = (vector: Vector, head: number): Vector =>
    W_O[head]![0]!.map((_, m) => vector.reduce((sum, value, d) => sum + value * W_O[head]![d]![m]!, 0));

  const scores = W_O.map((_, h) =>
    positions.map((dst) =>
      positions.map((src) => (sees(dst, src) ? dot(q[dst]![h]!, k[src]![h]!) / scale : -Infinity)),
    ),
  );
  const pattern = edit(
    'hook_pattern',
    scores.map((head) => head.map(softmax)),
  );
  const ownZ = positions.map((dst) =>
    W_O.map((_, h) =>
      v[0]![h]!.map((_, d) =>
        dot(
          pattern[h]![dst]!,
          positions.map((src) => v[src]![h]![d]!),
        ),
      ),
    ),
  );
  const z = edit('hook_z', ownZ);
  const valueNorm = W_O.map((_, h) =>
    positions.map((src) => {
      const written = throughO(v[src]![h]!, h);
      return Math.sqrt(dot(written, written));
    }),
  );
  const out = z.map((heads) =>
    heads
      .map((head, h) => throughO(head, h))
      .reduce((sum, written) => sum.map((value, m) => value + written[m]!))
      .map((value, m) => value + (b_O ? b_O.data[m]! : 0)),
  );
  return { scores, pattern, valueNorm, z, out };
}

/** W_O by head from a torch Linear's `[d_model, nHeads * d_head]`. */
export const outputByHead = (W: Stored, nHeads: number): Matrix[] => {
  const [dModel, width] = W.shape as [number, number];
  const dHead = width / nHeads;
  return Array.from({ length: nHeads }, (_, h) =>
    Array.from({ length: dHead }, (_, d) =>
      Array.from({ length: dModel }, (_, m) => W.data[m * width + h * dHead + d]!),
    ),
  );
};
