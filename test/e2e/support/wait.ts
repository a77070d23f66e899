/**
 * Asks until there is an answer.
 * @throws Error that names `what` when there is none within `ms`
 */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | undefined> | T | undefined,
  ms = 20_000,
): Promise<T> {
  for (const end = Date.now() + ms; ;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > end) throw new Error(`there was no ${what} within ${ms / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Milliseconds after which what a moving window can lose is done again. */
export const ATTEMPT = 5000;

/**
 * Does something that a window which is still moving can lose (a key while the focus moves, a card over a line that moves), and does
 * it again as a whole until it succeeds. An attempt waits for its own effect, no longer than ATTEMPT, and throws without it.
 * @throws Error that names `what`, with the reason of the last attempt
 */
export async function attempts<T>(what: string, attempt: () => Promise<T>): Promise<T> {
  let reason: unknown;
  const failed = (error: unknown): undefined => void (reason = error);
  const one = async (): Promise<{ value: T }> => ({ value: await attempt() });
  const done = await eventually(what, () => one().catch(failed), 8 * ATTEMPT).catch((error: unknown) => {
    throw new Error(`${String(error)}: ${String(reason)}`, { cause: reason });
  });
  return done.value;
}
