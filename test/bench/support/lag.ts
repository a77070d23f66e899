const STEP_MS = 5;

/** How late a timer of this process fires while work runs, ms. */
export async function lagDuring(work: () => Promise<unknown>): Promise<{ p99: number; max: number }> {
  const lags: number[] = [];
  let last = performance.now();
  const timer = setInterval(() => {
    lags.push(performance.now() - last - STEP_MS);
    last = performance.now();
  }, STEP_MS);
  await work();
  clearInterval(timer);
  lags.sort((a, b) => a - b);
  return { p99: lags[Math.floor(lags.length * 0.99)] ?? 0, max: lags.at(-1) ?? 0 };
}
