/** A transformer in a dialect. */
import type { Activation } from '../../../../src/engine/checkpoint/description';
import { attention } from './attention';
import type { Dialect } from './dialect';
import { addAndNorm, embedding, linear, type Context } from './linear';
import { Prompt } from './prompt';
import type { LayerMatrices, ModelMatrices } from './weights';
import { OnnxWriter } from './writer';

/** Writes a model as `.onnx`. @returns the file */
export function writeForeign(file: string, m: ModelMatrices, dialect: Dialect): string {
  const w = new OnnxWriter(dialect.opset, dialect.half);
  const c: Context = { w, d: m.description, dialect };
  const p = new Prompt(c);
  const tokens = embedding(c, m.W_E, p.ids);
  const pos = m.W_pos && embedding(c, m.W_pos, p.positions);
  const standard = c.d.positions.kind === 'standard';
  let resid = standard ? w.op('Add', [tokens, pos!]) : tokens;
  let delta: string | undefined;
  m.layers.forEach((layer, l) => {
    ({ resid, delta } = block(c, p, layer, resid, delta, standard ? undefined : pos, l));
  });
  const { x } = addAndNorm(c, resid, delta, m.lnFinal);
  const dims = dialect.length === undefined ? ['batch', 'sequence'] : [1, dialect.length];
  if (dialect.head === 'none') w.output(x, 'last_hidden_state', w.floatType, [...dims, c.d.dModel]);
  else w.output(linear(c, x, m.unembed), 'logits', w.floatType, [...dims, m.unembed.out]);
  return w.save(file, dialect.placement ?? 'inside', dialect.merged);
}

/** @param delta what the layer before wrote last, not yet added */
function block(
  c: Context,
  p: Prompt,
  layer: LayerMatrices,
  before: string,
  pending: string | undefined,
  pos: string | undefined,
  index: number,
): { resid: string; delta: string | undefined } {
  const { w, d } = c;
  if (c.dialect.order === 'post') return { resid: postNormBlock(c, p, layer, before, index), delta: undefined };
  const read = addAndNorm(c, before, pending, layer.ln1);
  const xQK = pos === undefined ? read.x : w.op('Add', [read.x, pos]);
  const { z, present } = attention(c, p, layer, { x: read.x, xQK }, p.past[index]);
  if (present) {
    const dims = ['batch', d.nKeyValueHeads, 'total_sequence', d.dHead];
    w.output(present.key, `present.${index}.key`, w.floatType, dims);
    w.output(present.value, `present.${index}.value`, w.floatType, dims);
  }
  const out = linear(c, z, layer.o);
  if (!layer.up) return { resid: read.resid, delta: out };
  if (d.parallel) {
    const second = addAndNorm(c, read.resid, undefined, layer.ln2);
    return { resid: read.resid, delta: w.op('Add', [mlp(c, layer, second.x, index), out]) };
  }
  const second = addAndNorm(c, read.resid, out, layer.ln2);
  return { resid: second.resid, delta: mlp(c, layer, second.x, index) };
}

/** As the first GPT had it. */
function postNormBlock(c: Context, p: Prompt, layer: LayerMatrices, x: string, index: number): string {
  const { z } = attention(c, p, layer, { x, xQK: x }, undefined);
  const mid = addAndNorm(c, x, linear(c, z, layer.o), layer.ln1).x;
  return addAndNorm(c, mid, mlp(c, layer, mid, index), layer.ln2).x;
}

function mlp(c: Context, { gate, up, down }: LayerMatrices, x: string, layer: number): string {
  const act = activations[c.d.layers[layer]!.mlp!.act];
  const inner = linear(c, x, up!);
  const post = gate ? c.w.op('Mul', [act(c, linear(c, x, gate)), inner]) : act(c, inner);
  return linear(c, post, down!);
}

const activations: Record<Activation, (c: Context, x: string) => string> = {
  relu: ({ w }, x) => w.op('Relu', [x]),
  silu: ({ w }, x) => w.op('Mul', [x, w.op('Sigmoid', [x])]),
  gelu: ({ w }, x) => {
    const erf = w.op('Erf', [w.op('Div', [x, w.floats([Math.SQRT2])])]);
    return w.op('Mul', [w.op('Mul', [x, w.op('Add', [erf, w.floats([1])])]), w.floats([0.5])]);
  },
  gelu_new: ({ w }, x) => {
    const cube = w.op('Mul', [w.op('Pow', [x, w.floats([3])]), w.floats([0.044715])]);
    const inner = w.op('Mul', [w.op('Add', [x, cube]), w.floats([Math.sqrt(2 / Math.PI)])]);
    const half = w.op('Mul', [x, w.floats([0.5])]);
    return w.op('Mul', [half, w.op('Add', [w.op('Tanh', [inner]), w.floats([1])])]);
  },
};
