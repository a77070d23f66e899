/** Attention patterns of other tools: JSON as CircuitsVis's `attention_heads` takes it, and activations as safetensors. */
import * as l10n from '@vscode/l10n';
import { readFile } from 'node:fs/promises';
import { headName } from '../../protocol/checkpoint';
import { MOST_NAME } from '../../protocol/savedPatterns';
import { InputError, shown, systemReason } from '../checkpoint/errors';
import { parseJsonObject } from '../checkpoint/json';
import { statFile } from '../checkpoint/regularFile';
import { readMetadata, readSafetensors } from '../checkpoint/safetensors';
import { isFloat, tensorValues } from './tensorValues';

export interface PatternFile {
  /** `[pos]` */
  tokens: string[];
  /** In the order of the file. `values`: `[dst, src]` */
  heads: { name: string; values: Float32Array }[];
  /** What is unusual about it, one sentence each. */
  notices: string[];
}

/** Larger is not read. */
const MOST_BYTES = 256 << 20;
/** How far the sum of a row may be from 1. */
const ROW_TOLERANCE = 1e-3;

/** @throws InputError naming the file and the field */
export async function readPatternFile(file: string, mostBytes = MOST_BYTES): Promise<PatternFile> {
  try {
    const { size } = await statFile(file, l10n.t('a file of attention patterns'));
    if (size > mostBytes)
      throw new InputError(l10n.t('{0} has {1} bytes, at most {2} were expected.', file, size, mostBytes));
    if (/\.safetensors$/i.test(file)) return await readActivations(file);
    return readCircuitsVis(await readFile(file, 'utf8'), file);
  } catch (cause) {
    if (cause instanceof InputError) throw cause;
    throw new InputError(l10n.t('{0} cannot be read: {1}.', file, systemReason(cause)));
  }
}

/**
 * `tokens` and `attention` (`[dst][src]`, `[head][dst][src]` or `[layer][head][dst][src]`), names of heads if there are any.
 * @throws InputError naming the file and the field
 */
export function readCircuitsVis(text: string, file: string): PatternFile {
  const { tokens: given, attention, attention_head_names: names } = parseJsonObject(text, file);
  const tokens = tokensOf(given, file);
  const n = tokens.length;
  const heads = matricesOf(attention, file).map(({ name, at, matrix }) => ({
    name,
    values: valuesOf(matrix, { n, at, file }),
  }));
  if (names !== undefined && names !== null) rename(heads, names, file);
  return { tokens, heads, notices: noticesOf(heads, n) };
}

function tokensOf(tokens: unknown, file: string): string[] {
  const isTexts = (value: unknown): value is string[] =>
    Array.isArray(value) && value.length > 0 && value.every((token) => typeof token === 'string');
  if (isTexts(tokens)) return tokens;
  throw new InputError(l10n.t('{0}: tokens: a list of texts was expected.', file));
}

interface Matrix {
  name: string;
  /** Where it is in the file: `attention[0][3]`. */
  at: string;
  matrix: unknown;
}

/** How deep lists lie in each other, at their first entries. */
function depthOf(value: unknown): number {
  let depth = 0;
  for (let inner = value; Array.isArray(inner); inner = inner[0] as unknown) depth++;
  return depth;
}

function matricesOf(attention: unknown, file: string): Matrix[] {
  const depth = depthOf(attention);
  if (depth === 2) return [{ name: 'H0', at: 'attention', matrix: attention }];
  const ofLayer = (heads: unknown, at: string, name: (head: number) => string): Matrix[] => {
    if (!Array.isArray(heads)) throw new InputError(l10n.t('{0}: {1}: a list of heads was expected.', file, at));
    return heads.map((matrix: unknown, head) => ({ name: name(head), at: `${at}[${head}]`, matrix }));
  };
  if (depth === 3) return ofLayer(attention, 'attention', (head) => `H${head}`);
  if (depth === 4)
    return (attention as unknown[]).flatMap((heads, layer) =>
      ofLayer(heads, `attention[${layer}]`, (head) => headName({ layer, head })),
    );
  throw new InputError(l10n.t('{0}: attention: lists [head, destination, source] of numbers were expected.', file));
}

function valuesOf(matrix: unknown, { n, at, file }: { n: number; at: string; file: string }): Float32Array {
  const listAt = (value: unknown, where: string): unknown[] => {
    if (!Array.isArray(value)) throw new InputError(l10n.t('{0}: {1}: a list was expected.', file, where));
    if (value.length === n) return value;
    throw new InputError(
      l10n.t('{0}: {1} has {2} entries, {3} were expected, one for each token.', file, where, value.length, n),
    );
  };
  const values = new Float32Array(n * n);
  listAt(matrix, at).forEach((row, dst) =>
    listAt(row, `${at}[${dst}]`).forEach((weight, src) => {
      if (typeof weight !== 'number' || !Number.isFinite(Math.fround(weight))) {
        const where = `${at}[${dst}][${src}]`;
        throw new InputError(l10n.t('{0}: {1} is {2}, a number was expected.', file, where, shown(weight)));
      }
      values[dst * n + src] = weight;
    }),
  );
  return values;
}

function rename(heads: PatternFile['heads'], names: unknown, file: string): void {
  if (!Array.isArray(names) || names.length !== heads.length || !names.every((name) => typeof name === 'string'))
    throw new InputError(
      l10n.t('{0}: attention_head_names: a list of {1} texts was expected, one for each head.', file, heads.length),
    );
  heads.forEach((head, i) => (head.name = shortName(names[i] as string)));
}

/** No longer than a result may have it. */
const shortName = (name: string): string =>
  name.length > MOST_NAME ? `${name.slice(0, MOST_NAME - 1).replace(/[\ud800-\udbff]$/, '')}…` : name;

function noticesOf(heads: PatternFile['heads'], n: number): string[] {
  let odd = 0;
  for (const { values } of heads)
    for (let dst = 0; dst < n; dst++) {
      let sum = 0;
      for (let src = 0; src < n; src++) sum += values[dst * n + src]!;
      if (Math.abs(sum - 1) > ROW_TOLERANCE) odd++;
    }
  if (odd === 0) return [];
  return [l10n.t('{0} of {1} rows do not add up to 1; they are shown as they are.', odd, heads.length * n)];
}

const PATTERN_HOOK = /^blocks\.(\d{1,4})\.attn\.hook_pattern$/;

/** `blocks.{l}.attn.hook_pattern`, `[head, dst, src]`, and `tokens` in the metadata, as JSON. */
async function readActivations(file: string): Promise<PatternFile> {
  const { tokens: said } = await readMetadata(file);
  const tokens = tokensOf(parsed(said), file);
  const n = tokens.length;
  const hooks = [...(await readSafetensors(file))]
    .flatMap(([name, tensor]) => {
      const layer = PATTERN_HOOK.exec(name)?.[1];
      return layer === undefined ? [] : [{ name, tensor, layer: Number(layer) }];
    })
    .sort((a, b) => a.layer - b.layer);
  const heads: PatternFile['heads'] = [];
  for (const { name, tensor, layer } of hooks) {
    // one with a batch of 1 is as one without
    const shape = tensor.shape.length === 4 && tensor.shape[0] === 1 ? tensor.shape.slice(1) : tensor.shape;
    if (!isFloat(tensor) || shape.length !== 3 || shape[1] !== n || shape[2] !== n)
      throw new InputError(
        l10n.t(
          '{0}: {1} is {2} of {3}; floats [heads, {4}, {4}] were expected, as there are {4} tokens.',
          ...([file, name, `[${tensor.shape.join(', ')}]`, tensor.dtype, n] as const),
        ),
      );
    const values = Float32Array.from(await tensorValues(name, tensor));
    const bad = values.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0)
      throw new InputError(
        l10n.t('{0}: {1} is {2}, a number was expected.', file, `${name}[${bad}]`, `${values[bad]!}`),
      );
    for (let head = 0; head < shape[0]!; head++)
      heads.push({ name: headName({ layer, head }), values: values.slice(head * n * n, (head + 1) * n * n) });
  }
  if (heads.length === 0)
    throw new InputError(l10n.t('{0} has no blocks.N.attn.hook_pattern; attention patterns were expected.', file));
  return { tokens, heads, notices: noticesOf(heads, n) };
}

function parsed(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : (JSON.parse(text) as unknown);
  } catch {
    return undefined;
  }
}
