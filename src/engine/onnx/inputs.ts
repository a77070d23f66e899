/** Roles of a foreign graph's inputs, and what they are fed for a prompt. */
import * as l10n from '@vscode/l10n';
import { Tensor } from 'onnxruntime-node';
import { InputError } from '../checkpoint/errors';
import { TensorProto_DataType as DataType, type ValueInfoProto } from '../graph/onnx_pb';
import type { ForeignInputs, OnnxGraph } from './types';

interface Input {
  name: string;
  dtype: DataType;
  /** Sizes; names of those that are known when the graph runs, `''` where they have none. */
  dims: (number | string)[];
}

const WHOLE = [DataType.INT64, DataType.INT32];
const FLOATS = [DataType.FLOAT, DataType.FLOAT16, DataType.BFLOAT16];
const MASKS = [...WHOLE, DataType.FLOAT, DataType.FLOAT16, DataType.BOOL];
const isOf = (types: DataType[], { dtype }: Input): boolean => types.includes(dtype);

type Role = 'past' | 'useCacheBranch' | 'positionIds' | 'tokenTypeIds' | 'attentionMask' | 'logitsToKeep' | 'ids';

/** The first role that fits an input is its role. */
const ROLES: { role: Role; name: RegExp; fits(input: Input): boolean }[] = [
  { role: 'past', name: /past|cache|memory/i, fits: (i) => isOf(FLOATS, i) && i.dims.length >= 3 },
  { role: 'useCacheBranch', name: /use_?cache/i, fits: (i) => i.dtype === DataType.BOOL && i.dims.length <= 1 },
  { role: 'logitsToKeep', name: /logits_to_keep/i, fits: (i) => isOf(WHOLE, i) && i.dims.length <= 1 },
  { role: 'positionIds', name: /position/i, fits: (i) => isOf(WHOLE, i) && isTokens(i) },
  { role: 'tokenTypeIds', name: /token_?type|segment/i, fits: (i) => isOf(WHOLE, i) && isTokens(i) },
  { role: 'attentionMask', name: /mask/i, fits: (i) => isOf(MASKS, i) && [1, 2, 4].includes(i.dims.length) },
  { role: 'ids', name: /(^|[._])(input_?)?(ids?|tokens?|indices|idx|inputs?|x)([._]?\d+)?$/i, fits: isIds },
  // what is left of whole numbers, by token, whatever its name
  { role: 'ids', name: /^/, fits: isIds },
];

function isTokens({ dims }: Input): boolean {
  return dims.length === 1 || dims.length === 2;
}

function isIds(input: Input): boolean {
  return isOf(WHOLE, input) && isTokens(input);
}

const inputOf = ({ name, type }: ValueInfoProto): Input => {
  const tensor = type?.value.case === 'tensorType' ? type.value.value : undefined;
  const dims = (tensor?.shape?.dim ?? []).map(({ value }) =>
    value.case === 'dimValue' ? Number(value.value) : value.case === 'dimParam' ? value.value : '',
  );
  return { name, dtype: tensor?.elemType ?? DataType.UNDEFINED, dims };
};

/** The graph's inputs; old exports list their weights among them. */
function inputsOf({ model }: OnnxGraph): Input[] {
  const stored = new Set(model.graph?.initializer.map(({ name }) => name));
  return (model.graph?.input ?? []).filter(({ name }) => !stored.has(name)).map(inputOf);
}

const typed = ({ name, dtype, dims }: Input): string =>
  `${name} (${typeName(dtype)} [${dims.map((dim) => (dim === '' ? '?' : dim)).join(', ')}])`;

const typeName = (dtype: DataType): string =>
  dtype === DataType.UNDEFINED
    ? l10n.t('of no type')
    : (DataType[dtype]?.toLowerCase() ?? l10n.t('of an unknown type'));

/** Every run of an export of fixed length has all of its tokens, and the patterns of a head are their square. */
const MAX_LENGTH = 4096;

/**
 * @throws InputError naming an input that no role fits, or whose fixed sizes cannot be fed
 */
export function foreignInputs(graph: OnnxGraph): ForeignInputs {
  const found = new Map<Role, Input[]>();
  for (const input of inputsOf(graph)) {
    const role = ROLES.find(({ name, fits }) => name.test(input.name) && fits(input))?.role;
    if (role === undefined)
      throw new InputError(
        l10n.t(
          '{0}: what to feed the input {1} is not known; token ids, attention_mask, position_ids, token_type_ids and past_key_values are.',
          graph.file,
          typed(input),
        ),
      );
    found.set(role, [...(found.get(role) ?? []), input]);
  }
  const one = (role: Role): string | undefined => oneOf(graph, role, found.get(role) ?? [])?.name;
  const ids = oneOf(graph, 'ids', found.get('ids') ?? []);
  if (!ids)
    throw new InputError(l10n.t('{0} has no input for token ids; input_ids of int64 was expected.', graph.file));
  if (ids.dims.length === 2 && typeof ids.dims[0] === 'number' && ids.dims[0] !== 1)
    throw new InputError(
      l10n.t('{0}: the input {1} has a fixed batch; one prompt, or any, was expected.', graph.file, typed(ids)),
    );
  const length = ids.dims.at(-1);
  if (typeof length === 'number' && !(length >= 1 && length <= MAX_LENGTH))
    throw new InputError(
      l10n.t(
        '{0}: the input {1} is for prompts of {2} tokens; 1 to {3}, or any number, was expected.',
        graph.file,
        typed(ids),
        length,
        MAX_LENGTH,
      ),
    );
  const roles = {
    attentionMask: one('attentionMask'),
    positionIds: one('positionIds'),
    tokenTypeIds: one('tokenTypeIds'),
    useCacheBranch: one('useCacheBranch'),
    logitsToKeep: one('logitsToKeep'),
  };
  return {
    ids: ids.name,
    ...Object.fromEntries(Object.entries(roles).filter(([, name]) => name !== undefined)),
    past: (found.get('past') ?? []).map((input) => ({ ...input, dims: pastDims(graph, input) })),
    ...(typeof length === 'number' && { length }),
  };
}

function oneOf(graph: OnnxGraph, role: Role, inputs: Input[]): Input | undefined {
  const [first, ...more] = inputs;
  if (first === undefined || more.length === 0) return first;
  const named = role === 'ids' ? inputs.filter(({ name }) => name === 'input_ids') : [];
  if (named.length === 1 && inputs.length === 1) return named[0];
  throw new InputError(
    l10n.t(
      '{0} has the inputs {1}; which of them takes what is not known.',
      graph.file,
      inputs.map(typed).join(l10n.t(' and ')),
    ),
  );
}

/**
 * Past keys or values with a past of length 0: `[batch, head, past, d_head]`, of old exports
 * `[2, batch, head, past, d_head]`; the batch is the first size that is not fixed, the past the next one.
 */
function pastDims(graph: OnnxGraph, input: Input): number[] {
  const { dims } = input;
  const open = dims.flatMap((dim, axis) => (typeof dim === 'string' ? [axis] : []));
  const isBatch = (axis: number): boolean => open.length > 1 && axis === open[0];
  const past = open.filter((axis) => !isBatch(axis));
  if (past.length === 0 && !dims.includes(0))
    throw new InputError(
      l10n.t('{0}: the input {1} has a fixed past; one that may be empty was expected.', graph.file, typed(input)),
    );
  if (past.length > 1)
    throw new InputError(
      l10n.t('{0}: which size of the input {1} is its past is not known.', graph.file, typed(input)),
    );
  return dims.map((dim, axis) => (typeof dim === 'number' ? dim : isBatch(axis) ? 1 : 0));
}

/**
 * What the inputs `names` are fed for a prompt; with a fixed length it is padded after its end, which changes nothing
 * before it in a causal model.
 * @throws InputError when the prompt is longer than the fixed length
 */
export function feedsOf(
  graph: OnnxGraph,
  inputs: ForeignInputs,
  ids: number[],
  names: readonly string[],
): Record<string, Tensor> {
  const n = inputs.length ?? ids.length;
  if (ids.length > n)
    throw new InputError(l10n.t('{0} was exported for {1} tokens; the prompt has {2}.', graph.file, n, ids.length));
  if (inputs.bidirectional && ids.length < n)
    throw new InputError(
      l10n.t(
        '{0} was exported for {1} tokens, and tokens see those after them: a prompt of {1} tokens was expected, not of {2}.',
        graph.file,
        n,
        ids.length,
      ),
    );
  const padded = Array.from({ length: n }, (_, i) => ids[i] ?? ids[0] ?? 0);
  const infos = new Map(inputsOf(graph).map((input) => [input.name, input]));
  const past = new Map(inputs.past.map((each) => [each.name, each]));
  const feeds: Record<string, Tensor> = {};
  for (const name of names) {
    const input = infos.get(name);
    if (!input) continue;
    const byToken = (values: number[]): Tensor => tensorOf(input.dtype, values, input.dims.length === 1 ? [n] : [1, n]);
    const scalar = (): Tensor => tensorOf(input.dtype, [0], input.dims.length === 0 ? [] : [1]);
    const empty = past.get(name);
    if (empty) feeds[name] = tensorOf(empty.dtype, [], empty.dims);
    else if (name === inputs.ids) feeds[name] = byToken(padded);
    else if (name === inputs.positionIds) feeds[name] = byToken([...padded.keys()]);
    else if (name === inputs.tokenTypeIds) feeds[name] = byToken(padded.map(() => 0));
    else if (name === inputs.attentionMask)
      feeds[name] = input.dims.length === 4 ? causalMask(input.dtype, n) : byToken(padded.map(() => 1));
    else if (name === inputs.useCacheBranch || name === inputs.logitsToKeep) feeds[name] = scalar();
  }
  return feeds;
}

/** For exports that leave the mask to who runs them: additive, or true where a destination sees a source. `[1, 1, n, n]` */
function causalMask(dtype: DataType, n: number): Tensor {
  const [seen, hidden] = dtype === DataType.FLOAT || dtype === DataType.FLOAT16 ? [0, -65504] : [1, 0];
  const values = Array.from({ length: n * n }, (_, i) => (i % n <= Math.floor(i / n) ? seen : hidden));
  return tensorOf(dtype, values, [1, 1, n, n]);
}

/** Numbers as a tensor of an ONNX type; the types are those that roles accept. */
export function tensorOf(dtype: DataType, values: ArrayLike<number>, dims: number[]): Tensor {
  const list = Array.from(values);
  if (dtype === DataType.INT64) return new Tensor('int64', BigInt64Array.from(list, BigInt), dims);
  if (dtype === DataType.INT32) return new Tensor('int32', Int32Array.from(list), dims);
  if (dtype === DataType.BOOL) return new Tensor('bool', Uint8Array.from(list), dims);
  if (dtype === DataType.FLOAT16) return new Tensor('float16', Uint16Array.from(list, halfBits), dims);
  return new Tensor('float32', Float32Array.from(list), dims);
}

/** The bits of the few float16 numbers that inputs are fed with. */
function halfBits(value: number): number {
  if (value === 0) return 0;
  if (value === 1) return 0x3c00;
  return 0xfbff; // -65504, the lowest
}
