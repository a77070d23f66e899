/** The chain of additions that is a residual stream: `x ← x + block(x)`. */
import type { NodeProto } from '../graph/onnx_pb';
import type { Flow } from './follow';

/** One addition to the stream. */
export interface Write {
  /** The stream before and after it. */
  before: string;
  after: string;
  /** What was added; made of the stream and nothing else. */
  added: string;
  /** Index of the value of the stream that the block reads: this write's own, or an earlier one's (parallel blocks). */
  reads: number;
  /** Indices of the attentions that lie between. */
  attentions: number[];
}

/** The stream begins at one of the first additions, also where other things are added before; a strange graph is not searched for long. */
const FIRST_ADDS = 64;

/** @param isRow whether an Add's output is `[b, pos, d_model]` */
export function writesOf(flow: Flow, patterns: readonly string[], isRow: (add: NodeProto) => boolean): Write[] {
  const rows = flow.nodes.filter(
    (node) => node.opType === 'Add' && node.input.every((input) => flow.data.has(input)) && isRow(node),
  );
  const adds = new Set(rows);
  let best: Write[] = [];
  const tried = new Set<string>();
  for (const add of rows.slice(0, FIRST_ADDS)) {
    for (const [start, added] of [add.input, add.input.toReversed()] as [string, string][]) {
      const origin = flow.origin(start);
      const aliases = flow.aliases(origin);
      if (tried.has(origin) || flow.upstream(added, aliases).reached.size === 0) continue;
      tried.add(origin);
      const writes = chain(flow, origin, patterns, adds);
      if (attentionsOf(writes) > attentionsOf(best)) best = writes;
      if (attentionsOf(best) === patterns.length) return best;
    }
  }
  return best;
}

const attentionsOf = (writes: Write[]): number => writes.reduce((sum, { attentions }) => sum + attentions.length, 0);

function chain(flow: Flow, start: string, patterns: readonly string[], adds: ReadonlySet<NodeProto>): Write[] {
  const writes: Write[] = [];
  /** Which value of the stream a value is. */
  const stream = new Map<string, number>();
  let current = start;
  let aliases = flow.aliases(start);
  for (;;) {
    for (const alias of aliases) if (!stream.has(alias)) stream.set(alias, writes.length);
    const next = nextWrite(flow, aliases, stream, adds);
    if (!next) return writes;
    const between = flow.upstream(next.added, stream);
    const attentions = patterns.flatMap((pattern, i) => (between.values.has(pattern) ? [i] : []));
    const reads = Math.max(...[...between.reached].map((value) => stream.get(value)!));
    writes.push({ before: current, after: next.after, added: next.added, reads, attentions });
    current = next.after;
    aliases = flow.aliases(current);
  }
}

/** The one addition to a value of the stream of what was read from the stream. */
function nextWrite(
  flow: Flow,
  current: ReadonlySet<string>,
  stream: ReadonlyMap<string, number>,
  adds: ReadonlySet<NodeProto>,
): { after: string; added: string } | undefined {
  const found = new Map<string, string>();
  for (const alias of current)
    for (const node of flow.graph.consumers(alias)) {
      const added = node.input[0] === alias ? node.input[1]! : node.input[0]!;
      if (!adds.has(node) || current.has(added) || current.has(node.output[0]!)) continue;
      if (flow.upstream(added, stream).reached.size > 0) found.set(node.output[0]!, added);
    }
  const [next] = found;
  return next && found.size === 1 ? { after: next[0], added: next[1] } : undefined;
}
