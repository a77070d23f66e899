/** JSON that may be wrong: keys twice, raw text in a value's place. */

/** Text that is written as it is. */
export class Raw {
  constructor(readonly text: string) {}
}

export class Members {
  constructor(readonly entries: [string, Json][]) {}
}

export type Json = string | number | boolean | null | Json[] | Members | Raw;

export function fromValue(value: unknown): Json {
  if (Array.isArray(value)) return value.map(fromValue);
  if (typeof value !== 'object' || value === null) return value as Json;
  return new Members(Object.entries(value).map(([key, each]) => [key, fromValue(each)]));
}

export const parseJson = (text: string): Json => fromValue(JSON.parse(text));

export function writeJson(json: Json): string {
  if (json instanceof Raw) return json.text;
  if (Array.isArray(json)) return `[${json.map(writeJson).join(',')}]`;
  if (!(json instanceof Members)) return JSON.stringify(json);
  return `{${json.entries.map(([key, value]) => `${JSON.stringify(key)}:${writeJson(value)}`).join(',')}}`;
}

/** For messages. */
export function shortJson(json: Json): string {
  const text = writeJson(json);
  return text.length > 60 ? `${text.slice(0, 60)}… (${text.length} characters)` : text;
}
