/** Walks through a foreign graph: which values carry the prompt's activations, and what lies between two of them. */
import type { NodeProto } from '../graph/onnx_pb';
import { intOf } from './attributes';
import type { OnnxGraph } from './types';

/** Operators whose result is their first input in another shape or type. */
const SAME = new Set(['Identity', 'Cast', 'Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Dropout']);
/** What these say of a value is its shape. */
const SHAPES = new Set(['Shape', 'Size']);

/** What lies above a value, down to where the walk stopped. */
export interface Upstream {
  values: Set<string>;
  /** In no particular order, each once. */
  nodes: Set<NodeProto>;
  /** Those of the stops that were met. */
  reached: Set<string>;
}

/** A graph seen from its token embedding. */
export class Flow {
  readonly nodes: readonly NodeProto[];
  /** Looks the token ids up in a table; its table and its output. */
  readonly embedding: { table: string; output: string } | undefined;
  /** Values that follow from the embedding (not from shapes alone). */
  readonly data: ReadonlySet<string>;
  /** Values that depend on what is fed. */
  private readonly fed: ReadonlySet<string>;

  constructor(
    readonly graph: OnnxGraph,
    ids: string,
  ) {
    this.nodes = graph.model.graph?.node ?? [];
    const stored = new Set(graph.model.graph?.initializer.map(({ name }) => name));
    const inputs = (graph.model.graph?.input ?? []).map(({ name }) => name).filter((name) => !stored.has(name));
    this.fed = this.closure(inputs, new Set());
    this.embedding = this.findEmbedding(ids);
    this.data = this.closure(this.embedding ? [this.embedding.output] : [], SHAPES);
  }

  /** Follows from initializers alone. */
  isConstant(value: string): boolean {
    return value !== '' && !this.fed.has(value);
  }

  /** What `value` is made of by reshaping and casting; itself when it is made otherwise. */
  origin(value: string): string {
    for (;;) {
      const node = this.graph.producer(value);
      if (!node || !SAME.has(node.opType)) return value;
      value = node.input[0]!;
    }
  }

  /** `value`, what it was reshaped and cast from, and what is made of these so. */
  aliases(value: string): Set<string> {
    const found = new Set([this.origin(value)]);
    for (const each of found)
      for (const node of this.graph.consumers(each))
        if (SAME.has(node.opType) && node.input[0] === each) found.add(node.output[0]!);
    return found;
  }

  /** Everything that carries activations above `value`, up to `stops`. */
  upstream(value: string, stops: { has(value: string): boolean }): Upstream {
    const found: Upstream = { values: new Set([value]), nodes: new Set(), reached: new Set() };
    for (const each of found.values) {
      if (stops.has(each)) {
        found.reached.add(each);
        continue;
      }
      const node = this.graph.producer(each);
      if (!node || !this.data.has(each)) continue;
      found.nodes.add(node);
      for (const input of node.input) if (this.data.has(input)) found.values.add(input);
    }
    return found;
  }

  /** The operand of a node with two of which the other is a constant. */
  besideConstant(node: NodeProto): { operand: string; constant: string } | undefined {
    const [a, b] = node.input;
    if (a === undefined || b === undefined) return undefined;
    if (this.isConstant(b)) return { operand: a, constant: b };
    return this.isConstant(a) ? { operand: b, constant: a } : undefined;
  }

  /** The token embedding that `value` is, and the number that it was multiplied with. */
  embeddingAt(value: string): { rows: string; scale: number } | undefined {
    const node = this.graph.producer(this.origin(value));
    const sides = node?.opType === 'Mul' ? this.besideConstant(node) : undefined;
    const by = sides && this.sizeOf(sides.constant) === 1 ? this.graph.constant(sides.constant)?.values[0] : undefined;
    const rows = by === undefined ? value : sides!.operand;
    const made = this.graph.producer(this.origin(rows));
    const from = made?.opType === 'DequantizeLinear' ? made.input[0]! : rows;
    return this.origin(from) === this.embedding?.output ? { rows, scale: by ?? 1 } : undefined;
  }

  /** How many numbers a constant has; undefined when that is not known. */
  sizeOf(constant: string): number | undefined {
    const value = this.origin(constant);
    const dims = this.graph.tensors.get(value)?.shape ?? this.graph.constant(value)?.dims;
    return dims?.reduce((a, b) => a * b, 1);
  }

  private findEmbedding(ids: string): Flow['embedding'] {
    const index = this.aliases(ids);
    for (const node of this.nodes) {
      const [table, taken] = node.input;
      if (node.opType !== 'Gather' || intOf(node, 'axis', 0) !== 0) continue;
      if (index.has(taken ?? '') && this.isConstant(table!)) return { table: table!, output: node.output[0]! };
    }
    return undefined;
  }

  /** What follows from `values`, not through `stops`; nodes come in topological order. */
  private closure(values: string[], stops: ReadonlySet<string>): Set<string> {
    const found = new Set(values);
    for (const node of this.nodes) {
      if (stops.has(node.opType) || !node.input.some((input) => found.has(input))) continue;
      for (const output of node.output) if (output !== '') found.add(output);
    }
    return found;
  }
}
