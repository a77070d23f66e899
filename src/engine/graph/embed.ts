import type { ModelDescription } from '../checkpoint/description';
import { DataType, type Dim, type GraphBuilder, type Value } from './builder';
import { graphInputs } from './names';
import type { WeightSource } from './weights';

/** W_pos of the positions `[pos, d_model]`; undefined for rotary models. */
export function positions(
  g: GraphBuilder,
  w: WeightSource,
  d: ModelDescription,
  rows: Dim,
  values: Map<string, Value>,
): Value | undefined {
  if (d.positions.kind === 'rotary') return undefined;
  const index = g.input(graphInputs.positions, DataType.INT64, [rows]);
  const value = gatherRows(g, w, d.positions.W_pos, index);
  values.set('hook_pos_embed', value);
  return value;
}

/** The residual stream before the first block `[pos, d_model]`. */
export function embed(
  g: GraphBuilder,
  w: WeightSource,
  d: ModelDescription,
  rows: Dim,
  position: Value | undefined,
  values: Map<string, Value>,
): Value {
  const value = gatherRows(g, w, d.W_E, g.input(graphInputs.ids, DataType.INT64, [rows]));
  values.set('hook_embed', value);
  return position && d.positions.kind === 'standard' ? g.op('Add', [value, position]) : value;
}

/** Rows first, cast after: a cast of the whole table would be folded into a float32 copy of it. */
function gatherRows(g: GraphBuilder, w: WeightSource, table: ModelDescription['W_E'], index: Value): Value {
  const { value, dtype } = w.stored(g, table);
  const rows = g.op('Gather', [value, index], { axis: 0 });
  return dtype === DataType.FLOAT ? rows : g.op('Cast', [rows], { to: DataType.FLOAT });
}
