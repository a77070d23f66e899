import { InputError } from '../checkpoint/errors';

/** @throws InputError unless `value` is a whole number from 1 to `max` */
export function wholeNumber(name: string, value: number, max: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw new InputError(`${name}: found ${value}, a whole number from 1 to ${max} was expected.`);
}
