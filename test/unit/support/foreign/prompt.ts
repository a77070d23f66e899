/** What a foreign graph derives from its inputs alone: positions, masks, rotary tables. Each is made once, when it is asked for. */
import { ropeFrequencies } from '../../../../src/engine/runtime/inputs';
import type { Context } from './linear';
import { DataType, MICROSOFT, type Attributes } from './writer';

export class Prompt {
  readonly ids: string;
  /** `[batch, pos]`, or `[1, pos]` where they are not an input. */
  readonly positions: string;
  readonly past: { key: string; value: string }[];
  private readonly attentionMask: string | undefined;
  /** `[1]` each. */
  private readonly nPast: string | undefined;
  private readonly nPos: string;
  private readonly nTotal: string;
  private readonly made = new Map<string, string>();

  constructor(private readonly c: Context) {
    const { w, d, dialect } = c;
    const { mask, positions, past } = dialect.inputs ?? {};
    const [batch, n] = dialect.length === undefined ? ['batch', 'sequence'] : [1, dialect.length];
    const total = past ? 'total_sequence' : n!;
    const integers = (name: string, length: number | string): string => w.input(name, DataType.INT64, [batch!, length]);
    this.ids = integers('input_ids', n!);
    this.attentionMask = mask ? integers('attention_mask', total) : undefined;
    const given = positions ? integers('position_ids', n!) : undefined;
    const pastInput = (name: string): string =>
      w.input(`past_key_values.${name}`, w.floatType, [batch!, d.nKeyValueHeads, 'past_sequence', d.dHead]);
    this.past = past ? d.layers.map((_, l) => ({ key: pastInput(`${l}.key`), value: pastInput(`${l}.value`) })) : [];
    this.nPos = w.slice(w.op('Shape', [this.ids]), 1, 2, 0);
    this.nPast = past ? w.slice(w.op('Shape', [this.past[0]!.key]), 2, 3, 0) : undefined;
    this.nTotal = this.nPast === undefined ? this.nPos : w.op('Add', [this.nPast, this.nPos]);
    this.positions = given ?? w.withAxes('Unsqueeze', this.range(this.nPast, this.nTotal), [0]);
  }

  private once(name: string, make: () => string): string {
    const value = this.made.get(name) ?? make();
    this.made.set(name, value);
    return value;
  }

  private range(from: string | undefined, to: string): string {
    const { w } = this.c;
    const scalar = (x: string): string => w.withAxes('Squeeze', x, [0]);
    return w.op('Range', [from === undefined ? w.ints([0], []) : scalar(from), scalar(to), w.ints([1], [])]);
  }

  private get lowest(): string {
    return this.c.w.floats([this.c.w.half ? -65504 : -3.4028234663852886e38]);
  }

  /** Scores `[batch, head, dst, src]` with the causal mask, and the padding's where there is one. */
  masked(scores: string): string {
    const { w, dialect } = this.c;
    if (dialect.mask !== undefined && dialect.mask !== 'buffer') return w.op('Add', [scores, this.additiveMask()]);
    const causal = w.op('Where', [this.causalBuffer(), scores, this.lowest]);
    const padding = this.padding();
    return padding === undefined ? causal : w.op('Add', [causal, padding]);
  }

  /** Slices of a triangle as long as the context. */
  private causalBuffer(): string {
    return this.once('buffer', () => {
      const { w, d } = this.c;
      const n = Math.min(d.nCtx, 64);
      const triangle = Uint8Array.from({ length: n * n }, (_, i) => (i % n <= Math.floor(i / n) ? 1 : 0));
      const rows = w.slice(w.tensor(DataType.BOOL, [1, 1, n, n], triangle), this.nPast ?? 0, this.nTotal, 2);
      return w.slice(rows, 0, this.nTotal, 3);
    });
  }

  /** `[1 or batch, 1, dst, src]` */
  additiveMask(): string {
    return this.once('additive', () => {
      const { w, dialect } = this.c;
      const causal = dialect.mask === 'trilu' ? this.causalTrilu() : this.causalRange();
      const bias = w.op('Where', [causal, w.floats([0]), this.lowest]);
      const padding = this.padding();
      const four = w.withAxes('Unsqueeze', bias, [0, 1]);
      return padding === undefined ? four : w.op('Max', [w.op('Add', [four, padding]), this.lowest]);
    });
  }

  private causalRange(): string {
    const { w } = this.c;
    const sources = w.withAxes('Unsqueeze', this.range(undefined, this.nTotal), [0]);
    const destinations = w.withAxes('Unsqueeze', this.range(this.nPast, this.nTotal), [1]);
    return w.op('Not', [w.op('Greater', [sources, destinations])]);
  }

  private causalTrilu(): string {
    const { w } = this.c;
    const square = w.op('Concat', [this.nTotal, this.nTotal], { axis: 0 });
    const ones = w.op('Expand', [w.floats([1]), square]);
    const lower = w.op('Cast', [w.op('Trilu', [ones], { upper: 0 })], { to: DataType.BOOL });
    return this.nPast === undefined ? lower : w.slice(lower, this.nPast, this.nTotal, 0);
  }

  /** `[batch, 1, 1, src]` */
  private padding(): string | undefined {
    if (this.attentionMask === undefined) return undefined;
    return this.once('padding', () => {
      const { w } = this.c;
      const mask = w.op('Cast', [w.withAxes('Unsqueeze', this.attentionMask!, [1, 2])], { to: w.floatType });
      return w.op('Mul', [w.op('Sub', [w.floats([1]), mask]), this.lowest]);
    });
  }

  /** Rotates `[batch, head, pos, d_head]` where the model has rotary positions. */
  rotate(x: string): string {
    const { d, dialect } = this.c;
    if (d.positions.kind !== 'rotary') return x;
    return dialect.rotary === 'operator' ? this.rotateByOperator(x, d.positions.dims) : this.rotateHalves(x);
  }

  private rotateByOperator(x: string, dims: number): string {
    const { w, d, dialect } = this.c;
    const tables = this.halfTables();
    const partial = dims < d.dHead;
    if (dialect.opset >= 23)
      return w.op(
        'RotaryEmbedding',
        [x, ...tables, this.positionRows()],
        partial ? { rotary_embedding_dim: dims } : {},
      );
    const attributes: Attributes = partial ? { rotary_embedding_dim: dims, num_heads: d.nHeads } : {};
    return w.op('RotaryEmbedding', [x, this.positionRows(), ...tables], attributes, MICROSOFT);
  }

  /** Positions of every batch. */
  private positionRows(): string {
    const { w } = this.c;
    return this.once('rows', () => w.op('Expand', [this.positions, w.op('Shape', [this.ids])]));
  }

  private rotateHalves(x: string): string {
    const { w, d } = this.c;
    const [cos, sin] = this.gatheredTables();
    const { dims } = d.positions as { dims: number };
    const rot = dims < d.dHead ? w.slice(x, 0, dims, 3) : x;
    const second = w.op('Neg', [w.slice(rot, dims / 2, dims, 3)]);
    const turned = w.op('Concat', [second, w.slice(rot, 0, dims / 2, 3)], { axis: -1 });
    const rotated = w.op('Add', [w.op('Mul', [rot, cos!]), w.op('Mul', [turned, sin!])]);
    return dims < d.dHead ? w.op('Concat', [rotated, w.slice(x, dims, d.dHead, 3)], { axis: -1 }) : rotated;
  }

  /** cos and sin `[batch, 1, pos, dims]`, gathered from tables. */
  private gatheredTables(): [string, string] {
    const { w } = this.c;
    const rows = (name: 'cos' | 'sin'): string =>
      this.once(name, () => {
        const { values, n, half } = this.table(Math[name]);
        const both = Float32Array.from(
          { length: 2 * values.length },
          (_, i) => values[Math.floor(i / (2 * half)) * half + (i % half)]!,
        );
        return w.withAxes('Unsqueeze', w.op('Gather', [w.floats(both, [n, 2 * half]), this.positions]), [1]);
      });
    return [rows('cos'), rows('sin')];
  }

  /** cos and sin `[position, dims / 2]` */
  halfTables(): [string, string] {
    const { w } = this.c;
    const table = (name: 'cos' | 'sin'): string =>
      this.once(`half ${name}`, () => {
        const { values, n, half } = this.table(Math[name]);
        return w.floats(values, [n, half]);
      });
    return [table('cos'), table('sin')];
  }

  private table(f: (angle: number) => number): { values: Float32Array; n: number; half: number } {
    const { d } = this.c;
    if (d.positions.kind !== 'rotary') throw new Error('no rotary positions');
    const frequencies = ropeFrequencies(d.positions);
    const half = frequencies.length;
    const values = Float32Array.from({ length: d.nCtx * half }, (_, i) =>
      f(Math.floor(i / half) * frequencies[i % half]!),
    );
    return { values, n: d.nCtx, half };
  }

  /** GroupQueryAttention's: each row's number of tokens less one `[batch]`, and the longest. */
  lengths(): { lengths: string; total: string } {
    const { w } = this.c;
    const mask = this.attentionMask!;
    const int32 = (x: string): string => w.op('Cast', [x], { to: DataType.INT32 });
    const lengths = this.once('lengths', () =>
      int32(w.op('Sub', [w.withAxes('ReduceSum', mask, [1], { keepdims: 0 }), w.ints([1])])),
    );
    const total = this.once('total', () =>
      int32(w.op('Gather', [w.op('Shape', [mask]), w.ints([1], [])], { axis: 0 })),
    );
    return { lengths, total };
  }
}
