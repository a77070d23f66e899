/** The part of JSON Schema in which the inputs of tools are described, and how an input is checked against it. */
import * as l10n from '@vscode/l10n';
import { InputError, shown } from '../checkpoint/errors';

interface TextField {
  type: 'string';
  description: string;
  maxLength?: number;
  enum?: readonly string[];
  default?: string;
}
interface WholeField {
  type: 'integer';
  description: string;
  minimum: number;
  maximum: number;
  default?: number;
}
interface IdsField {
  type: 'array';
  description: string;
  items: { type: 'integer'; minimum: 0 };
  minItems: number;
  maxItems: number;
}
export type Field = TextField | WholeField | IdsField;
export type Fields = Readonly<Record<string, Field>>;

export interface InputSchema {
  type: 'object';
  properties: Fields;
  required?: readonly string[];
  additionalProperties: false;
}

type ValueOf<F> = F extends { enum: readonly (infer V)[] }
  ? V
  : F extends { type: 'string' }
    ? string
    : F extends { type: 'integer' }
      ? number
      : number[];
type Given<F, R> = { [K in keyof F]: F[K] extends { default: unknown } ? K : K extends R ? K : never }[keyof F];

/** A checked input: what is required or has a default is there. */
export type InputOf<F extends Fields, R extends keyof F> = { [K in Given<F, R>]: ValueOf<F[K]> } & {
  [K in Exclude<keyof F, Given<F, R>>]?: ValueOf<F[K]>;
};

/** Longest text of a path or a name. */
const LINE = 4096;

export const line = (description: string) => ({ type: 'string', description, maxLength: LINE }) as const;
export const longText = (description: string, maxLength: number) =>
  ({ type: 'string', description, maxLength }) as const;
export const choice = <const V extends string, const D extends V>(
  description: string,
  values: readonly V[],
  first: D,
) => ({ type: 'string', description, enum: values, default: first }) as const;
export const maybeChoice = <const V extends string>(description: string, values: readonly V[]) =>
  ({ type: 'string', description, enum: values }) as const;
export const whole = (description: string, minimum: number, maximum: number) =>
  ({ type: 'integer', description, minimum, maximum }) as const;
/** A number of entries, with a default. */
export const count = (description: string, first: number, maximum: number) =>
  ({ type: 'integer', description, minimum: 1, maximum, default: first }) as const;
export const tokenIds = (description: string, maxItems: number) =>
  ({ type: 'array', description, items: { type: 'integer', minimum: 0 }, minItems: 1, maxItems }) as const;

/**
 * The input of a tool, with defaults; `null` counts as not given.
 * @throws InputError naming the tool and the field
 */
export function checkInput(tool: string, schema: InputSchema, given: unknown): Record<string, unknown> {
  const wrong = (message: string): InputError => new InputError(l10n.t('{0}: {1}', tool, message));
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw wrong(l10n.t('the input is {0}; an object was expected.', shown(given)));
  const { properties, required = [] } = schema;
  const names = Object.keys(properties);
  const unknown = Object.keys(given).find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw wrong(l10n.t('there is no “{0}”; expected {1}.', unknown, names.join(', ') || l10n.t('nothing')));
  const values: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(properties)) {
    const value = (given as Record<string, unknown>)[name] ?? ('default' in field ? field.default : undefined);
    if (value !== undefined) {
      if (!fits(field, value))
        throw wrong(l10n.t('“{0}” is {1}; {2} was expected.', name, shown(value), expected(field)));
      values[name] = value;
    } else if (required.includes(name))
      throw wrong(l10n.t('“{0}” is missing; {1} was expected.', name, expected(field)));
  }
  return values;
}

const isWhole = (value: unknown, minimum: number, maximum: number): boolean =>
  typeof value === 'number' && Number.isInteger(value) && value >= minimum && value <= maximum;

function fits(field: Field, value: unknown): boolean {
  if (field.type === 'integer') return isWhole(value, field.minimum, field.maximum);
  if (field.type === 'string')
    return (
      typeof value === 'string' && value.length <= (field.maxLength ?? LINE) && (field.enum?.includes(value) ?? true)
    );
  const { minItems, maxItems } = field;
  return (
    Array.isArray(value) &&
    value.length >= minItems &&
    value.length <= maxItems &&
    value.every((id) => isWhole(id, 0, Number.MAX_SAFE_INTEGER))
  );
}

function expected(field: Field): string {
  if (field.type === 'integer') return l10n.t('a whole number from {0} to {1}', field.minimum, field.maximum);
  if (field.type === 'array') return l10n.t('an array of {0} to {1} token ids', field.minItems, field.maxItems);
  if (field.enum) return l10n.t('one of {0}', field.enum.join(', '));
  return l10n.t('a text of at most {0} characters', field.maxLength ?? LINE);
}
