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
