/** A foreign graph and what the steps of its recognition find. */
import { findAttention } from '../../../src/engine/onnx/attention';
import { expand } from '../../../src/engine/onnx/expand';
import { foreignInputs } from '../../../src/engine/onnx/inputs';
import { createProbe } from '../../../src/engine/onnx/probe';
import { readOnnx } from '../../../src/engine/onnx/read';
import { findResidual, type FoundResidual } from '../../../src/engine/onnx/residual';
import type { ForeignAttention, OnnxGraph, Probe } from '../../../src/engine/onnx/types';
import { findWeights, type ForeignWeights } from '../../../src/engine/onnx/weights';

export interface Recognised {
  graph: OnnxGraph;
  probe: Probe;
  attentions: ForeignAttention[];
  residual: FoundResidual | string;
}

export async function recognise(file: string): Promise<Recognised> {
  const graph = expand(await readOnnx(file));
  const probe = createProbe(graph, foreignInputs(graph));
  const attentions = await findAttention(graph, probe);
  return { graph, probe, attentions, residual: await findResidual(graph, attentions, probe) };
}

export async function recogniseWeights(file: string): Promise<ForeignWeights | string> {
  const { graph, probe, attentions, residual } = await recognise(file);
  if (typeof residual === 'string') throw new Error(residual);
  return findWeights(graph, attentions, residual, probe);
}
