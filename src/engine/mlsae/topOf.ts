/** Indices of the `top` largest values, largest first and of equal ones the first; NaN is never among them. */
export function topOf(values: ArrayLike<number>, top: number): number[] {
  const best: number[] = [];
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (Number.isNaN(value) || (best.length === top && value <= values[best[top - 1]!]!)) continue;
    let at = best.length;
    while (at > 0 && values[best[at - 1]!]! < value) at--;
    best.splice(at, 0, i);
    if (best.length > top) best.pop();
  }
  return best;
}
