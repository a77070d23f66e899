/** What a projection reads from the residual stream. */
import type { Flow } from './follow';

export interface Read {
  /** The stream, normed where it is. */
  x: string;
  /** What is added to it for this projection only: positions (shortformer). */
  position?: string;
}

/**
 * @param input what a projection multiplies
 * @param stream the residual stream where it is read: without a norm, its own last addition may be one of positions
 */
export function readOf(flow: Flow, input: string, dModel: number, stream?: ReadonlySet<string>): Read {
  if (stream?.has(input)) return { x: input };
  const node = flow.graph.producer(flow.origin(input));
  if (node?.opType !== 'Add') return { x: input };
  const [data, other] = node.input.toSorted((a, b) => Number(flow.data.has(b)) - Number(flow.data.has(a)));
  // a norm's bias is one row
  const isPosition = !flow.data.has(other!) && !(flow.isConstant(other!) && flow.sizeOf(other!) === dModel);
  return isPosition ? { x: data!, position: other! } : { x: input };
}
