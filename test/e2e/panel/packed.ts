/** Values with typed arrays as plain JSON, for the page of a panel. */

const TYPES = { Float32Array, Float64Array, Int32Array, Uint32Array, Uint8Array } as const;
type TypeName = keyof typeof TYPES;
interface Packed {
  $type: TypeName;
  /** Its bytes, base64. */
  bytes: string;
}

const isPacked = (value: unknown): value is Packed =>
  typeof value === 'object' && value !== null && '$type' in value && 'bytes' in value;

/** In the suite. */
export function pack(value: unknown): unknown {
  if (ArrayBuffer.isView(value)) {
    const { buffer, byteOffset, byteLength, constructor } = value;
    const bytes = Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength).toString('base64');
    return { $type: constructor.name as TypeName, bytes } satisfies Packed;
  }
  if (Array.isArray(value)) return value.map(pack);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, pack(item)]));
}

/** In the page. */
export function unpack<T>(value: unknown): T {
  if (isPacked(value)) {
    const bytes = Uint8Array.from(atob(value.bytes), (char) => char.charCodeAt(0));
    return new TYPES[value.$type](bytes.buffer) as T;
  }
  if (Array.isArray(value)) return value.map((item) => unpack(item)) as T;
  if (typeof value !== 'object' || value === null) return value as T;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, unpack(item)])) as T;
}
