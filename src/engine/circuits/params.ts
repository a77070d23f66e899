import * as l10n from '@vscode/l10n';
import { InputError } from '../checkpoint/errors';

/** @throws InputError unless `value` is a whole number from 1 to `max` */
export function wholeNumber(name: string, value: number, max: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw new InputError(l10n.t('{0}: found {1}, a whole number from 1 to {2} was expected.', name, String(value), max));
}
