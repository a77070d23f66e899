/** The rows of the list: filtered, sorted, in groups. Touches no DOM. */
import type { TensorEntry } from '../../src/protocol/tensors';

export type ListKey = 'file' | 'name' | 'dtype' | 'shape' | 'size';
export interface ListOrder {
  by: ListKey;
  descending: boolean;
}

export type ListRow =
  | { kind: 'group'; name: string; open: boolean; tensors: number; values: number; bytes: number }
  | { kind: 'tensor'; tensor: TensorEntry; group: string };

/** Numbers in names count as numbers: h.2 before h.10. */
const natural = new Intl.Collator('en', { numeric: true });

const compareShapes = (a: readonly number[], b: readonly number[]): number => {
  if (a.length !== b.length) return a.length - b.length;
  const at = a.findIndex((size, i) => size !== b[i]);
  return at < 0 ? 0 : a[at]! - b[at]!;
};

const COMPARE: Record<ListKey, (a: TensorEntry, b: TensorEntry) => number> = {
  file: (a, b) => a.offset - b.offset,
  name: (a, b) => natural.compare(a.name, b.name),
  dtype: (a, b) => natural.compare(a.dtype, b.dtype),
  shape: (a, b) => compareShapes(a.shape, b.shape),
  size: (a, b) => a.bytes - b.bytes,
};

/** Names with every word of the filter in them, whatever the case. */
export function filtered(tensors: readonly TensorEntry[], filter: string): TensorEntry[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  return tensors.filter(({ name }) => words.every((word) => name.toLowerCase().includes(word)));
}

/** The block that a name belongs to, with its first number: `transformer.h.0`; empty without one. */
export const groupOf = (name: string): string => /^(?:[^.]+\.)*?\d+(?=\.)/.exec(name)?.[0] ?? '';

export const valuesOf = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

/** Dimensions before the last two. */
export const leadingOf = (shape: readonly number[]): number[] => shape.slice(0, -2);

export function listRows(
  tensors: readonly TensorEntry[],
  { by, descending }: ListOrder,
  groups: { isOpen: (group: string) => boolean } | undefined,
): ListRow[] {
  const sign = descending ? -1 : 1;
  const sorted = [...tensors].sort((a, b) => sign * COMPARE[by](a, b));
  if (!groups) return sorted.map((tensor) => ({ kind: 'tensor', tensor, group: '' }));
  // groups stand where their first tensor does
  const members = new Map<string, TensorEntry[]>();
  for (const tensor of sorted) {
    const group = groupOf(tensor.name);
    // each without a block by itself
    const key = group === '' ? `\0${tensor.name}` : group;
    const list = members.get(key);
    if (list) list.push(tensor);
    else members.set(key, [tensor]);
  }
  return [...members].flatMap(([key, list]): ListRow[] => {
    if (key.startsWith('\0')) return [{ kind: 'tensor', tensor: list[0]!, group: '' }];
    const open = groups.isOpen(key);
    const rows = list.map((tensor): ListRow => ({ kind: 'tensor', tensor, group: key }));
    const [values, bytes] = totals(list);
    return [{ kind: 'group', name: key, open, tensors: list.length, values, bytes }, ...(open ? rows : [])];
  });
}

/** Values and bytes. */
export const totals = (tensors: readonly TensorEntry[]): [values: number, bytes: number] => [
  tensors.reduce((sum, { shape }) => sum + valuesOf(shape), 0),
  tensors.reduce((sum, { bytes }) => sum + bytes, 0),
];

const UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB'];

export function bytesText(bytes: number): string {
  const unit = Math.min(UNITS.length - 1, bytes < 1000 ? 0 : Math.floor(Math.log10(bytes) / 3));
  const scaled = bytes / 1000 ** unit;
  return `${unit === 0 ? bytes : scaled.toFixed(scaled < 10 ? 1 : 0)} ${UNITS[unit]}`;
}

export const countText = (count: number): string => count.toLocaleString('en-US');

/** `768 × 3072`; a hostile one is cut. */
export function shapeText(shape: readonly number[]): string {
  if (shape.length === 0) return 'scalar';
  return shape.length > 8 ? `${shape.slice(0, 8).join(' × ')} × …` : shape.join(' × ');
}

/** At most so many digits, a true minus sign. */
export function valueText(value: number, digits = 6): string {
  if (!Number.isFinite(value)) return String(value).replace('-', '−');
  if (Number.isInteger(value) && Math.abs(value) <= Number.MAX_SAFE_INTEGER) return String(value).replace('-', '−');
  return String(Number(value.toPrecision(digits))).replaceAll('-', '−');
}

export const pythonOf = (path: string, name: string): string =>
  [
    'from safetensors import safe_open',
    '',
    `with safe_open(${JSON.stringify(path)}, framework="pt") as file:`,
    `    tensor = file.get_tensor(${JSON.stringify(name)})`,
    '',
  ].join('\n');
