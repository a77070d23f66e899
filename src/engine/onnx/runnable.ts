/** What a few bytes of a graph may ask for: loops without an end, and tensors that fill the memory. */
import * as l10n from '@vscode/l10n';
import { InputError } from '../checkpoint/errors';
import type { NodeProto } from '../graph/onnx_pb';
import { entryOf, intsOf, isStandard } from './attributes';
import { label, subgraphs } from './graph';
import type { OnnxGraph } from './types';

/** Elements; a causal mask of 8,192 tokens has as many. */
const MAX_ELEMENTS = 2 ** 26;

type Numbers = readonly number[] | undefined;

const product = (sizes: Numbers): number | undefined => sizes?.reduce((total, size) => total * Math.abs(size), 1);
const largest = (sizes: Numbers): number | undefined => sizes && Math.max(0, ...sizes.map(Math.abs));
const steps = ([start, limit, delta]: Numbers[]): number | undefined =>
  start && limit && delta && Math.abs((limit[0]! - start[0]!) / delta[0]!);

/** At least how many elements an operator makes, as far as its constant inputs tell. */
const MADE: Record<string, (inputs: Numbers[], node: NodeProto) => number | undefined> = {
  ConstantOfShape: ([shape]) => product(shape),
  Expand: ([, shape]) => product(shape),
  Reshape: ([, shape]) => product(shape),
  Tile: ([, repeats]) => product(repeats),
  Range: steps,
  Pad: ([, pads], node) => largest(pads ?? intsOf(node, 'pads')),
  OneHot: ([, depth]) => product(depth),
  Resize: ([, , , sizes]) => product(sizes),
  RandomNormal: (_, node) => product(intsOf(node, 'shape')),
  RandomUniform: (_, node) => product(intsOf(node, 'shape')),
};

/**
 * Held against the nodes that are to run. ONNX Runtime cannot be stopped once it runs.
 * @throws InputError naming the node
 */
export function checkRunnable(graph: OnnxGraph, nodes: readonly NodeProto[]): void {
  for (const node of nodes) {
    if (isStandard(node) && node.opType === 'Loop')
      throw new InputError(
        l10n.t('{0}: {1} may have no end; a graph without loops was expected.', graph.file, label(node)),
      );
    const made = isStandard(node) ? madeBy(graph, node) : undefined;
    if (made !== undefined && made > MAX_ELEMENTS)
      throw new InputError(
        l10n.t(
          '{0}: {1} makes {2} numbers; at most {3} were expected.',
          graph.file,
          label(node),
          made.toLocaleString('en-US'),
          MAX_ELEMENTS.toLocaleString('en-US'),
        ),
      );
    for (const inner of subgraphs(node)) checkRunnable(graph, inner.node);
  }
}

function madeBy(graph: OnnxGraph, node: NodeProto): number | undefined {
  const count = entryOf(MADE, node.opType);
  return count?.(
    node.input.map((name) => (name === '' ? undefined : graph.constant(name)?.values)),
    node,
  );
}
