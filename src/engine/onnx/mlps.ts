/** MLPs of a foreign graph: in, gate and out projections by structure, the activation by running it. */
import * as l10n from '@vscode/l10n';
import type { Activation } from '../checkpoint/description';
import { activationOf, testPoint } from './activations';
import type { Flow } from './follow';
import { projectionsAbove, type Projection } from './projections';
import { columnsOf, fill } from './trace';
import type { Probe, ProbeTensor } from './types';

export interface ForeignMlp {
  act: Activation;
  /** act(x W_gate) · (x W_in); one projection holds both when they have columns. */
  gate?: MlpPart;
  in: MlpPart;
  out: Projection;
}
/** A projection, or the columns `[from, to)` of it. */
export interface MlpPart {
  projection: Projection;
  columns?: [from: number, to: number];
}

interface Structure {
  inner: Projection[];
  out: Projection;
}

/** @returns each layer's MLP, or a clause about what is not understood */
export async function findMlps(
  flow: Flow,
  layers: readonly { mlpOut: string; stops: ReadonlySet<string> }[],
  probe: Probe,
): Promise<(ForeignMlp | string)[]> {
  const structures = layers.map(({ mlpOut, stops }) => structureOf(flow, mlpOut, stops));
  const good = structures.filter((each): each is Structure => typeof each !== 'string');
  if (good.length === 0) return structures as string[];
  const inner = [...new Set(good.flatMap((each) => each.inner.map(({ output }) => output)))];
  const posts = [...new Set(good.map(({ out }) => out.input))];
  const shapes = await probe([...inner, ...posts]);
  // at position 0 the first half of the columns (or the first projection) is tried, at position 1 the second
  const given = good.flatMap((each) => each.inner.map(({ output }, i) => [output, tested(each, i, shapes)] as const));
  const made = await probe(posts, Object.fromEntries(given));
  return structures.map((each) => {
    if (typeof each === 'string') return each;
    const width = shapes[each.out.input]!.dims.at(-1)!;
    const row = (i: number): Float32Array => made[each.out.input]!.data.subarray(i * width, (i + 1) * width);
    return mlpOf(each, [row(0), row(1)], shapes);
  });
}

function structureOf(flow: Flow, mlpOut: string, stops: ReadonlySet<string>): Structure | string {
  const outs = projectionsAbove(flow, mlpOut, stops);
  if (outs.found.length !== 1 || outs.bare)
    return l10n.t('ends in {0} products with weights; one was expected', outs.found.length);
  const out = outs.found[0]!;
  const { found, bare } = projectionsAbove(flow, out.input, stops);
  if (found.length < 1 || found.length > 2 || bare)
    return l10n.t('begins with {0} products with weights; one, or two with a gate, were expected', found.length);
  return { inner: found, out };
}

/** Test points for the part that is tried, 1 for the other. */
function tested({ inner, out }: Structure, index: number, shapes: Record<string, ProbeTensor>): ProbeTensor {
  const source = columnsOf('', shapes[inner[index]!.output]!.dims);
  const width = shapes[out.input]!.dims.at(-1)!;
  const isFused = inner.length === 1 && source.dims.at(-1) === 2 * width;
  const isTried = (column: number, position: number): boolean =>
    inner.length === 2 ? index === position : !isFused || Math.floor(column / width) === position;
  return fill(source, (column, position) => (isTried(column, position) ? testPoint(column % width) : 1));
}

function mlpOf(
  { inner, out }: Structure,
  [first, second]: [Float32Array, Float32Array],
  shapes: Record<string, ProbeTensor>,
): ForeignMlp | string {
  const unknown = l10n.t('has an activation that is none of gelu, gelu_new, silu and relu');
  const width = first.length;
  const columns = shapes[inner[0]!.output]!.dims.at(-1)!;
  const acts = [activationOf(first), activationOf(second)];
  if (inner.length === 1 && columns === width)
    return acts[0] ? { act: acts[0], in: { projection: inner[0]! }, out } : unknown;
  if (inner.length === 1 && columns !== 2 * width)
    return l10n.t('begins with {0} columns of which {1} are left', columns, width);
  const gate = acts[0] ? 0 : 1;
  const act = acts[gate];
  if (!act) return unknown;
  const part = (i: number): MlpPart =>
    inner.length === 2 ? { projection: inner[i]! } : { projection: inner[0]!, columns: [i * width, (i + 1) * width] };
  return { act, gate: part(gate), in: part(1 - gate), out };
}
