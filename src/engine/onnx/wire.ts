/**
 * The skeleton of a `.onnx` file: its protobuf bytes without weights. The file is walked field by field through a small
 * window; a tensor's data is replaced by external data that says where in the file it lies.
 */
import * as l10n from '@vscode/l10n';
import { readSync } from 'node:fs';
import { ScalarType, type DescField, type DescMessage } from '@bufbuild/protobuf';
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { InputError } from '../checkpoint/errors';
import {
  ModelProtoSchema,
  StringStringEntryProtoSchema,
  TensorProto_DataLocation as DataLocation,
  TensorProtoSchema,
} from '../graph/onnx_pb';

/** Tensor data of at most so many bytes stays in the skeleton (its place in the file is noted as well). */
export const SMALL_BYTES = 1024;
/** Of the skeleton. Models of some billion parameters have a few MB. */
const MAX_BYTES = 64 << 20;
/** Of all kinds. An empty one takes 2 bytes in the file and some hundred in memory. */
const MAX_MESSAGES = 1_000_000;
/** A byte of a list of whole numbers counts as so many: it may become a BigInt of some 40 bytes. */
const NUMBER_WEIGHT = 4;
const MAX_DEPTH = 64;
const WINDOW = 64 << 10;
/** A tag and a length take at most 5 + 10 bytes. */
const HEAD = 16;

/** `location` of data that lies in the `.onnx` file itself; no file name can be empty. */
export const IN_FILE = '';

/** An open file; `path` is for messages. */
export interface OpenFile {
  fd: number;
  size: number;
  path: string;
}

/**
 * The bytes of a ModelProto without documentation, metadata of nodes and large tensor data. Every tensor whose data is raw (or packed
 * floats) has `external_data` entries with {@link IN_FILE} as location; where the data was left out, `data_location` is EXTERNAL.
 * @throws InputError for what is not protobuf, ends early, is nested too deep or too large
 */
export function skeletonOf(file: OpenFile): Uint8Array {
  return new Walk(file).model();
}

/** Fields of IR version 10 that change what runs; others that the schema does not know are left out. */
const KEPT_UNKNOWN: Record<string, number[]> = {
  // overload
  'onnx.NodeProto': [8],
  // attribute_proto, overload
  'onnx.FunctionProto': [11, 13],
};

interface Field {
  wireTypes: WireType[];
  /** Absent: bytes, numbers. */
  message?: DescMessage;
  /** Bytes of one number of a packed list; 0 for varints. */
  packed?: number;
}

const fieldsOf = new Map<DescMessage, Map<number, Field>>();

/** The fields that are kept, by number. */
function fields(schema: DescMessage): Map<number, Field> {
  let known = fieldsOf.get(schema);
  if (!known) {
    known = new Map(schema.fields.filter((f) => f.name !== 'doc_string').map((f) => [f.number, fieldOf(f)]));
    for (const number of KEPT_UNKNOWN[schema.typeName] ?? [])
      known.set(number, { wireTypes: [WireType.LengthDelimited] });
    fieldsOf.set(schema, known);
  }
  return known;
}

function fieldOf(field: DescField): Field {
  if (field.message) return { wireTypes: [WireType.LengthDelimited], message: field.message };
  const one = field.scalar === undefined ? WireType.Varint : (FIXED[field.scalar] ?? WireType.Varint);
  if (field.fieldKind !== 'list' || one === WireType.LengthDelimited) return { wireTypes: [one] };
  const packed = one === WireType.Bit32 ? 4 : one === WireType.Bit64 ? 8 : 0;
  return { wireTypes: [one, WireType.LengthDelimited], packed };
}

/** Wire types of the scalars that are no varints. */
const FIXED: Partial<Record<ScalarType, WireType>> = {
  [ScalarType.FLOAT]: WireType.Bit32,
  [ScalarType.DOUBLE]: WireType.Bit64,
  [ScalarType.STRING]: WireType.LengthDelimited,
  [ScalarType.BYTES]: WireType.LengthDelimited,
};

/** Fields of TensorProto whose bytes are those of raw data. */
const DATA = new Set(
  Object.values(TensorProtoSchema.field)
    .filter((f) => ['raw_data', 'float_data', 'double_data'].includes(f.name))
    .map((f) => f.number),
);
const EXTERNAL_DATA = TensorProtoSchema.field.externalData.number;
const DATA_LOCATION = TensorProtoSchema.field.dataLocation.number;

/** Where a field lies in the file: its tag begins at `at`, its payload at `begin`. */
interface Place {
  number: number;
  wireType: WireType;
  at: number;
  begin: number;
  end: number;
}

class Walk {
  private readonly writer = new BinaryWriter();
  private readonly window = Buffer.alloc(WINDOW);
  /** Of the window. */
  private start = 0;
  private reader = new BinaryReader(new Uint8Array());
  private written = 0;
  private messages = 0;

  constructor(private readonly file: OpenFile) {}

  model(): Uint8Array {
    this.message(ModelProtoSchema, 0, this.file.size, 0);
    return this.writer.finish();
  }

  private fail(at: number, problem: string): never {
    throw new InputError(l10n.t('{0} is not an ONNX file: {1} at byte {2}.', this.file.path, problem, at));
  }

  private message(schema: DescMessage, begin: number, end: number, depth: number): void {
    if (depth > MAX_DEPTH) this.fail(begin, l10n.t('messages are nested more than {0} deep', MAX_DEPTH));
    if (++this.messages > MAX_MESSAGES) {
      throw new InputError(
        l10n.t(
          '{0} has more than {1} nodes, tensors and attributes; fewer were expected.',
          this.file.path,
          MAX_MESSAGES,
        ),
      );
    }
    const known = fields(schema);
    const tensor = schema === TensorProtoSchema;
    let leftOut = false;
    for (let at = begin; at < end;) {
      const place = this.next(at, end);
      at = place.end;
      const field = known.get(place.number);
      if (!field) continue;
      this.check(schema, field, place);
      if (field.message) this.nested(place, () => this.message(field.message!, place.begin, place.end, depth + 1));
      else if (tensor && DATA.has(place.number) && place.wireType === WireType.LengthDelimited) {
        if (place.begin < place.end) this.note(place);
        if (place.end - place.begin <= SMALL_BYTES) this.copy(place);
        else leftOut = true;
      } else this.copy(place, field.packed === 0 ? NUMBER_WEIGHT : 1);
    }
    // after a location that the file states, which it overrides
    if (leftOut) this.writer.tag(DATA_LOCATION, WireType.Varint).int32(DataLocation.EXTERNAL);
  }

  /** The field whose tag begins at `at`. */
  private next(at: number, end: number): Place {
    const reader = this.at(at);
    try {
      const [number, wireType] = reader.tag();
      let length = 0;
      if (wireType === WireType.LengthDelimited) length = reader.uint32();
      else if (wireType === WireType.Varint) reader.uint32();
      else if (wireType === WireType.Bit32) length = 4;
      else if (wireType === WireType.Bit64) length = 8;
      else this.fail(at, l10n.t('field {0} has wire type {1}', number, wireType));
      const begin = this.start + reader.pos;
      if (begin + length > end) {
        this.fail(
          at,
          l10n.t('field {0} is {1} bytes long, but {2} are left for it', number, length, Math.max(0, end - begin)),
        );
      }
      return { number, wireType, at, begin, end: begin + length };
    } catch (cause) {
      if (cause instanceof InputError) throw cause;
      return this.fail(at, l10n.t('what stands there is no field ({0})', (cause as Error).message));
    }
  }

  /** What the library would read otherwise than it was walked here is refused. */
  private check(schema: DescMessage, field: Field, { number, wireType, at, begin, end }: Place): void {
    const name = l10n.t('field {0} of {1}', number, schema.name);
    if (!field.wireTypes.includes(wireType)) this.fail(at, l10n.t('{0} has wire type {1}', name, wireType));
    if (field.packed === undefined || wireType !== WireType.LengthDelimited || begin === end) return;
    const whole = field.packed > 0 ? (end - begin) % field.packed === 0 : (this.bytes(end - 1, end)[0]! & 0x80) === 0;
    if (!whole) this.fail(at, l10n.t('{0} ends inside a number', name));
  }

  private nested({ number }: Place, write: () => void): void {
    this.spend(4);
    this.writer.tag(number, WireType.LengthDelimited).fork();
    write();
    this.writer.join();
  }

  private copy({ at, end }: Place, weight = 1): void {
    this.spend((end - at) * weight);
    for (let from = at; from < end; from += WINDOW) this.writer.raw(this.bytes(from, Math.min(end, from + WINDOW)));
  }

  private note({ begin, end }: Place): void {
    for (const [key, value] of [
      ['location', IN_FILE],
      ['offset', String(begin)],
      ['length', String(end - begin)],
    ] as const) {
      this.spend(32);
      this.writer.tag(EXTERNAL_DATA, WireType.LengthDelimited).fork();
      this.writer.tag(StringStringEntryProtoSchema.field.key.number, WireType.LengthDelimited).string(key);
      this.writer.tag(StringStringEntryProtoSchema.field.value.number, WireType.LengthDelimited).string(value);
      this.writer.join();
    }
  }

  private spend(bytes: number): void {
    this.written += bytes;
    if (this.written <= MAX_BYTES) return;
    throw new InputError(
      l10n.t(
        '{0} has more than {1} MB beside its raw tensor data; weights as raw data or external data were expected.',
        this.file.path,
        MAX_BYTES >> 20,
      ),
    );
  }

  /** A reader at `at`, with at least {@link HEAD} bytes before its end unless the file ends. */
  private at(at: number): BinaryReader {
    this.load(at, Math.min(at + HEAD, this.file.size));
    this.reader.pos = at - this.start;
    return this.reader;
  }

  /** Valid until the next call. At most WINDOW bytes. */
  private bytes(from: number, to: number): Uint8Array {
    this.load(from, to);
    return this.window.subarray(from - this.start, to - this.start);
  }

  private load(from: number, to: number): void {
    if (from >= this.start && to <= this.start + this.reader.len) return;
    this.start = from;
    let filled = 0;
    while (filled < WINDOW) {
      const read = readSync(this.file.fd, this.window, filled, WINDOW - filled, from + filled);
      if (read === 0) break;
      filled += read;
    }
    if (from + filled < to)
      throw new InputError(l10n.t('{0} ended at byte {1} while it was read.', this.file.path, from + filled));
    this.reader = new BinaryReader(this.window.subarray(0, filled));
  }
}
