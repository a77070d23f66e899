/** What an id named is not open any more: closed, evicted, or of an engine before this one. `message` is for the person. */
export class GoneError extends Error {
  override name = 'GoneError';
}

/** The person cancelled. */
export class CancelledError extends Error {
  override name = 'CancelledError';
  constructor() {
    super('Cancelled.');
  }
}
