/**
 * The person's input is at fault. `message` is one sentence that names the file and the field and says what was
 * expected; it is shown as it is.
 */
export class InputError extends Error {
  override name = 'InputError';
}
