/** Which candidates are attention: their patterns are square over positions, and rows are weights that sum to 1. */
import type { OnnxGraph, ProbeTensor } from '../types';
import { complete, orderOf } from './roles';
import type { Factor, Operand, Structure } from './structure';
import { Vectors } from './vectors';

export type Probed = Record<string, ProbeTensor>;

/** A candidate that is attention. */
export interface Measured {
  structure: Structure;
  nHeads: number;
  positions: number;
  dHead: number;
  /** `hqk` or `qhk`, of the value `pattern`. */
  order: string;
  /** The value that is the pattern: what is multiplied with v, or the softmax's output where that was changed on its way. */
  pattern: string;
  q: Vectors;
  k: Vectors;
  v: Vectors;
  /** Of z. */
  zOrder: string;
  /** Between the product and the softmax. */
  outerScale: number;
  causal: boolean;
}

/** Rounding of a row of float16 weights. */
const ROW_ERROR = 1e-2;
/** Destinations at which the product with v is checked. */
const MIXED = 8;

export function measured(graph: OnnxGraph, structure: Structure, probed: Probed): Measured | undefined {
  const mixed = probed[structure.pattern.value];
  const softmax = probed[structure.softmax];
  const positions = mixed?.dims.at(-1) ?? 0;
  if (!mixed || !softmax || positions < 2) return undefined;
  const nHeads = mixed.data.length / positions ** 2;
  const rows = softmax.data.length / (nHeads * positions);
  // with a sink, the softmax has one source more, which is cut off behind it
  const cut = rows > positions;
  if (rows < positions || !rowsSum(softmax.data, rows)) return undefined;
  const readings = orders(structure.pattern, [mixed.dims, softmax.dims]).flatMap((order): Measured[] => {
    const vectors = operandsOf(structure, probed, order, nHeads, positions);
    if (!vectors || !isMix(mixed.data, order, vectors.v, vectors.z)) return [];
    const { q, k, v, z } = vectors;
    const reading = {
      ...{ structure, nHeads, positions, dHead: q.sizes.d, order, q, k, v, zOrder: z.order },
      outerScale: structure.alpha * scaleOf(graph, structure.factors, probed),
      // whatever else happens between the two, what leaves the softmax is the pattern
      pattern: cut ? structure.pattern.value : structure.softmax,
      causal: isCausal(cut ? mixed.data : softmax.data, order, nHeads, positions),
    };
    return [reading];
  });
  // with as many heads as positions there may be two: the wrong one is not causal
  return readings.find(({ causal }) => causal) ?? readings[0];
}

/** `hqk`, `qhk`: an axis of destinations has as many entries as that of sources. */
function orders({ roles }: Operand, shapes: number[][]): string[] {
  const found = shapes.flatMap((dims) => {
    const n = dims.at(-1);
    if (roles === '*qk') return [...(dims.at(-2) === n ? ['hqk'] : []), ...(dims.at(-3) === n ? ['qhk'] : [])];
    const order = orderOf(roles, dims);
    return order === undefined ? [] : [complete(order, 'hqk')];
  });
  return [...new Set(found)].filter((order) => order === 'hqk' || order === 'qhk');
}

/** q, k, v and z as vectors of heads and positions, when their sizes fit the pattern's. */
function operandsOf(
  structure: Structure,
  probed: Probed,
  pattern: string,
  nHeads: number,
  positions: number,
): Record<'q' | 'k' | 'v' | 'z', Vectors> | undefined {
  const part = (operand: Operand, ofPattern: boolean): Vectors | undefined => {
    const value = probed[operand.value];
    // of multi-query attention, whose rows are positions and heads
    const joined = ofPattern && pattern === 'qhk' && operand.roles === '*pd';
    const order = joined ? 'phd' : vectorOrder(operand, value?.dims ?? []);
    return order === undefined ? undefined : vectors(value, order, nHeads, positions);
  };
  const [q, z] = [part(structure.q, true), part(structure.z, true)];
  const [k, v] = [part(structure.k, false), part(structure.v, false)];
  if (!q || !k || !v || !z || q.sizes.h !== nHeads || z.sizes.h !== nHeads) return undefined;
  return q.sizes.d === k.sizes.d && v.sizes.d === z.sizes.d ? { q, k, v, z } : undefined;
}

/** Whether pattern · v is z, at the last destinations. */
function isMix(pattern: Float32Array, order: string, v: Vectors, z: Vectors): boolean {
  const { h: heads, p: n, d: width } = z.sizes;
  const group = heads / v.sizes.h;
  let [error, largest] = [0, 0];
  for (let h = 0; h < heads; h++)
    for (let q = Math.max(0, n - MIXED); q < n; q++) {
      const row = (order === 'hqk' ? h * n + q : q * heads + h) * n;
      for (let d = 0; d < width; d++) {
        let sum = 0;
        for (let k = 0; k < n; k++) sum += pattern[row + k]! * v.at(Math.floor(h / group), k, d);
        error = Math.max(error, Math.abs(sum - z.at(h, q, d)));
        largest = Math.max(largest, Math.abs(sum));
      }
    }
  return error <= ROW_ERROR * largest;
}

function vectorOrder({ roles }: Operand, dims: number[]): string | undefined {
  const order = orderOf(roles, dims);
  return order === undefined ? undefined : complete(order, 'hpd');
}

/** Vectors of as many heads as there are, which divide `nHeads`. */
function vectors(
  value: ProbeTensor | undefined,
  order: string,
  nHeads: number,
  positions: number,
): Vectors | undefined {
  if (!value) return undefined;
  const d = widthOf(value, order, positions);
  const h = value.data.length / (positions * d);
  if (!(d >= 1) || !Number.isInteger(h) || !Number.isInteger(nHeads / h)) return undefined;
  return new Vectors(value.data, order, { h, p: positions, d });
}

/** d_head: the last axis, or the last but one when that is positions. */
function widthOf({ dims }: ProbeTensor, order: string, positions: number): number {
  if (order.endsWith('d')) return dims.at(-1) ?? 0;
  const behind = dims.slice(0, dims.lastIndexOf(positions));
  return behind.at(-1) ?? 1;
}

function rowsSum(values: Float32Array, width: number): boolean {
  for (let row = 0; row < values.length; row += width) {
    let sum = 0;
    for (let at = row; at < row + width; at++) sum += values[at]!;
    if (!(Math.abs(sum - 1) < ROW_ERROR)) return false;
  }
  return values.length > 0;
}

function isCausal(values: Float32Array, order: string, heads: number, n: number): boolean {
  for (let h = 0; h < heads; h++)
    for (let q = 0; q < n; q++)
      for (let k = q + 1; k < n; k++) {
        const row = order === 'hqk' ? h * n + q : q * heads + h;
        if (values[row * n + k]! > 1e-6) return false;
      }
  return true;
}

/** The product of those factors that are single numbers. */
export function scaleOf(graph: OnnxGraph, factors: Factor[], probed: Probed): number {
  return factors.reduce((scale, { value, inverse }) => {
    const numbers = graph.constant(value)?.values ?? probed[value]?.data ?? [];
    return numbers.length === 1 ? scale * (inverse ? 1 / numbers[0]! : numbers[0]!) : scale;
  }, 1);
}
