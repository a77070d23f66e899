/** Reading attributes of a node. */
import type { AttributeProto, NodeProto } from '../graph/onnx_pb';

/** Operators of the ONNX standard have the domain '' or 'ai.onnx'. */
export const isStandard = ({ domain }: NodeProto): boolean => domain === '' || domain === 'ai.onnx';

/** A standard operator of one of these types. */
export function isOp(node: NodeProto, ...types: string[]): boolean;
export function isOp(node: NodeProto | undefined, ...types: string[]): node is NodeProto;
export function isOp(node: NodeProto | undefined, ...types: string[]): boolean {
  return node !== undefined && isStandard(node) && types.includes(node.opType);
}

export const attributeOf = (node: NodeProto, name: string): AttributeProto | undefined =>
  node.attribute.find((each) => each.name === name);

export function intOf(node: NodeProto, name: string): number | undefined;
export function intOf(node: NodeProto, name: string, otherwise: number): number;
export function intOf(node: NodeProto, name: string, otherwise?: number): number | undefined {
  const found = attributeOf(node, name);
  return found ? Number(found.i) : otherwise;
}

export function floatOf(node: NodeProto, name: string, otherwise: number): number {
  return attributeOf(node, name)?.f ?? otherwise;
}

export function intsOf(node: NodeProto, name: string): number[] | undefined {
  return attributeOf(node, name)?.ints.map(Number);
}

export function textOf(node: NodeProto, name: string): string | undefined {
  const found = attributeOf(node, name);
  return found && new TextDecoder().decode(found.s);
}

/** An entry of a table by a name that a file gives: never what objects inherit. */
export const entryOf = <T>(table: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(table, name) ? table[name] : undefined;
