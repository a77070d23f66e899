/** Where the bytes of a model's tensors lie: checked against their shapes, their files' sizes and the model's folder. */
import * as l10n from '@vscode/l10n';
import { realpath } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, sep, win32 } from 'node:path';
import { create } from '@bufbuild/protobuf';
import type { StoredTensor } from '../checkpoint/checkpoint';
import { InputError } from '../checkpoint/errors';
import { statFile } from '../checkpoint/regularFile';
import { commonFolder } from '../graph/weights';
import {
  StringStringEntryProtoSchema,
  TensorProto_DataLocation as DataLocation,
  TensorProto_DataType as DataType,
  type TensorProto,
} from '../graph/onnx_pb';
import { IN_FILE, SMALL_BYTES } from './wire';
import { shown } from './graph';
import { readAt } from './positional';

/** Names of safetensors and bits of one element, by ONNX element type; those from 17 on are newer than the generated schema. */
const DTYPES: Record<number, [dtype: string, bits: number]> = {
  [DataType.FLOAT]: ['F32', 32],
  [DataType.UINT8]: ['U8', 8],
  [DataType.INT8]: ['I8', 8],
  [DataType.UINT16]: ['U16', 16],
  [DataType.INT16]: ['I16', 16],
  [DataType.INT32]: ['I32', 32],
  [DataType.INT64]: ['I64', 64],
  [DataType.BOOL]: ['BOOL', 8],
  [DataType.FLOAT16]: ['F16', 16],
  [DataType.DOUBLE]: ['F64', 64],
  [DataType.UINT32]: ['U32', 32],
  [DataType.UINT64]: ['U64', 64],
  [DataType.COMPLEX64]: ['C64', 64],
  [DataType.COMPLEX128]: ['C128', 128],
  [DataType.BFLOAT16]: ['BF16', 16],
  17: ['F8_E4M3', 8],
  18: ['F8_E4M3FNUZ', 8],
  19: ['F8_E5M2', 8],
  20: ['F8_E5M2FNUZ', 8],
  21: ['U4', 4],
  22: ['I4', 4],
  23: ['F4', 4],
  24: ['F8_E8M0', 8],
};

/** Old exporters write a file for each tensor. */
const MAX_FILES = 10_000;

/** The model's `.onnx` and the files beside it. */
export class Places {
  private readonly files = new Map<string, { file: string; size: number }>();
  private readonly stored = new Map<TensorProto, StoredTensor>();

  /**
   * @param path as the person knows it
   * @param file symlinks resolved
   * @param roots folders, symlinks resolved, that weights may lie in
   */
  constructor(
    private readonly path: string,
    private readonly file: string,
    size: number,
    private readonly roots: string[],
  ) {
    this.files.set(IN_FILE, { file, size });
  }

  /**
   * Checks a tensor and notes where its bytes lie. Small external data is read into the tensor.
   * @returns undefined for a tensor whose bytes do not lie in one piece in a file
   */
  async place(tensor: TensorProto): Promise<StoredTensor | undefined> {
    const fail = (problem: string): never => {
      throw new InputError(
        l10n.t('{0}: tensor {1} {2}.', this.path, shown(tensor.name) || l10n.t('(without a name)'), problem),
      );
    };
    const { shape, elements } = sizes(tensor, fail);
    const external = tensor.dataLocation === DataLocation.EXTERNAL;
    if (tensor.segment) fail(l10n.t('is one of several segments, a whole tensor was expected'));
    const entries = external || inOnePiece(tensor) ? entriesOf(tensor, fail) : undefined;
    tensor.externalData = [];
    const known = DTYPES[tensor.dataType];
    if (!entries || !known) {
      if (external) fail(l10n.t('has element type {0}, which is not known', tensor.dataType));
      checkInline(tensor, elements, known?.[1], fail);
      return undefined;
    }
    if (external && inlineValues(tensor) > 0)
      fail(l10n.t('has data both beside and inside the model, one was expected'));
    const { offset, length } = await this.checked(entries, Math.ceil((elements * known[1]) / 8), fail);
    const { file } = await this.open(entries.location, fail);
    if (external && length <= SMALL_BYTES) {
      tensor.rawData = readAt(file, offset, length);
      tensor.dataLocation = DataLocation.DEFAULT;
    }
    const stored = { file, dtype: known[0], shape, offset, length };
    this.stored.set(tensor, stored);
    return stored;
  }

  private async checked(
    { location, offset, length }: Entries,
    expected: number,
    fail: Fail,
  ): Promise<{ offset: number; length: number }> {
    if (length !== undefined && length !== expected)
      fail(l10n.t('has {0} bytes of data, {1} were expected for its shape and element type', length, expected));
    const { file, size } = await this.open(location, fail);
    if (offset + expected > size)
      fail(l10n.t('ends at byte {0} of {1}, which has {2} bytes: it is truncated', offset + expected, file, size));
    return { offset, length: expected };
  }

  /** A file that a tensor names, relative to the folder that the person opened the model in. */
  private async open(location: string, fail: Fail): Promise<{ file: string; size: number }> {
    const known = this.files.get(location);
    if (known) return known;
    if (this.files.size > MAX_FILES) fail(l10n.t('is in one of more than {0} files, fewer were expected', MAX_FILES));
    if (!staysInside(location)) {
      fail(l10n.t("lies in {0}, a file in the model's folder was expected", JSON.stringify(location.slice(0, 200))));
    }
    const named = join(dirname(this.path), location);
    const file = await realpath(named).catch(() => fail(l10n.t('lies in {0}, which does not exist', named)));
    if (!this.roots.some((root) => file.startsWith(root.endsWith(sep) ? root : root + sep))) {
      fail(l10n.t("lies in {0}, a symbolic link to {1}; a file in the model's folder was expected", named, file));
    }
    const { size } = await statFile(file, l10n.t('a file with weights'));
    const opened = { file, size };
    this.files.set(location, opened);
    return opened;
  }

  /**
   * Points the tensors whose data was left out to their files.
   * @returns the folder that all locations are relative to
   */
  finish(): string {
    const folder = commonFolder([...new Set([this.file, ...[...this.stored.values()].map((t) => t.file)])]);
    for (const [tensor, { file, offset, length }] of this.stored) {
      if (tensor.dataLocation !== DataLocation.EXTERNAL) continue;
      const location = relative(folder, file).split(sep).join('/');
      const entries = { location, offset: String(offset), length: String(length) };
      tensor.externalData = Object.entries(entries).map(([key, value]) =>
        create(StringStringEntryProtoSchema, { key, value }),
      );
    }
    return folder;
  }
}

type Fail = (problem: string) => never;

function sizes({ dims }: TensorProto, fail: Fail): { shape: number[]; elements: number } {
  const shape = dims.map(Number);
  const elements = shape.includes(0) ? 0 : shape.reduce((product, size) => product * size, 1);
  // the largest element has 16 bytes
  if (shape.some((size) => size < 0 || !Number.isSafeInteger(size)) || !Number.isSafeInteger(elements * 16)) {
    fail(l10n.t('has shape [{0}], sizes that can be were expected', dims.slice(0, 10).join(', ')));
  }
  return { shape, elements };
}

interface Entries {
  location: string;
  offset: number;
  length?: number;
}

function entriesOf({ externalData }: TensorProto, fail: Fail): Entries {
  const entries = new Map<string, string>();
  for (const { key, value } of externalData) {
    if (!['location', 'offset', 'length'].includes(key)) continue;
    if (entries.has(key)) fail(l10n.t('says twice where its data lies ({0}), once was expected', key));
    entries.set(key, value);
  }
  const location = entries.get('location');
  if (location === undefined) return fail(l10n.t('has external data without a location, a file name was expected'));
  const number = (key: string): number | undefined => {
    const text = entries.get(key);
    if (text === undefined) return undefined;
    const value = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
    return Number.isSafeInteger(value)
      ? value
      : fail(
          l10n.t(
            'has external data with {0} {1}, a number of bytes was expected',
            key,
            JSON.stringify(text.slice(0, 40)),
          ),
        );
  };
  const length = number('length');
  return { location, offset: number('offset') ?? 0, ...(length !== undefined && { length }) };
}

/** Lexically below the folder, on every platform. */
const staysInside = (location: string): boolean =>
  location !== IN_FILE &&
  !location.includes('\0') &&
  !isAbsolute(location) &&
  !win32.isAbsolute(location) &&
  !/^[A-Za-z]:/.test(location) &&
  !location.split(/[\\/]/).includes('..');

/** The skeleton's notes are on tensors that stay in the model, too. */
const inOnePiece = ({ rawData, floatData, doubleData, externalData }: TensorProto): boolean =>
  rawData.length + floatData.length + doubleData.length > 0 && externalData.some(({ value }) => value === IN_FILE);

const inlineValues = (t: TensorProto): number =>
  t.rawData.length +
  [t.floatData, t.int32Data, t.int64Data, t.doubleData, t.uint64Data, t.stringData].reduce((n, a) => n + a.length, 0);

/** @param bits of an element; undefined for strings and element types that are not known */
function checkInline(tensor: TensorProto, elements: number, bits: number | undefined, fail: Fail): void {
  // of known types, raw data has a place
  if (tensor.rawData.length > 0) fail(l10n.t('has raw data of element type {0}, which is not known', tensor.dataType));
  if (bits === 4) return; // two to a number
  // complex numbers are pairs
  const expected = [DataType.COMPLEX64, DataType.COMPLEX128].includes(tensor.dataType) ? 2 * elements : elements;
  const values = inlineValues(tensor);
  if (values !== expected) fail(l10n.t('has {0} values, {1} were expected for its shape', values, expected));
}
