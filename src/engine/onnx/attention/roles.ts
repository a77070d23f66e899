/**
 * What the axes of an operand stand for, one letter an axis: `h` heads (a batch of 1 and groups of heads too), `p` position,
 * `d` d_head, `q` destination, `k` source; `*` for any number of `h`.
 */

/** Axes of more than one entry, in the order in which they lie; neighbouring `h` are one. */
export function orderOf(roles: string, dims: number[]): string | undefined {
  const filled = roles.replace('*', 'h'.repeat(Math.max(0, dims.length - roles.length + 1)));
  if (filled.length !== dims.length) return undefined;
  const order = [...filled]
    .filter((_, axis) => dims[axis] !== 1)
    .join('')
    .replace(/h+/g, 'h');
  return new Set(order).size === order.length ? order : undefined;
}

/** An order with every letter of `all`: those whose axis has one entry may stand anywhere. */
export const complete = (order: string, all: string): string =>
  [...all].filter((letter) => !order.includes(letter)).join('') + order;

export interface PairRoles {
  inputs: [string, string];
  output: string;
  /** The input that is the query (`scores`), or the pattern (`mix`). */
  query: 0 | 1;
}

/**
 * Roles of an Einsum's letters, as the product of queries and keys (`scores`) or of pattern and values (`mix`).
 * @returns undefined when it is neither
 */
export function pairRoles(equation: string, kind: 'scores' | 'mix'): PairRoles | undefined {
  const match = /^([a-zA-Z.]+),([a-zA-Z.]+)->([a-zA-Z.]+)$/.exec(equation.replaceAll(' ', ''));
  if (!match) return undefined;
  const [a, b, out] = [match[1]!, match[2]!, match[3]!].map((term) => term.replace('...', '*')) as [
    string,
    string,
    string,
  ];
  const only = (from: string, other: string): string[] => [...from].filter((each) => !other.includes(each));
  const contracted = [...a].filter((letter) => b.includes(letter) && !out.includes(letter));
  const roles = new Map<string, string>();
  // the last letter of scores is the source, that of what is mixed d_head: each of its own operand alone
  const last = out.at(-1)!;
  const query = a.includes(last) ? 1 : 0;
  const [first, second] = query === 0 ? [a, b] : [b, a];
  const destination = only(first, second).findLast((letter) => out.includes(letter));
  if (contracted.length !== 1 || first.includes(last) || !second.includes(last) || destination === undefined)
    return undefined;
  roles.set(contracted[0]!, kind === 'scores' ? 'd' : 'k');
  roles.set(last, kind === 'scores' ? 'k' : 'd');
  roles.set(destination, 'q');
  const named = (term: string): string =>
    [...term].map((each) => (each === '*' ? '*' : (roles.get(each) ?? 'h'))).join('');
  const vectors = (term: string): string => named(term).replace(/[qk]/, 'p');
  const pattern = (term: string): string => named(term);
  const input = (term: string): string => (kind === 'mix' && term === first ? pattern(term) : vectors(term));
  return { inputs: [input(a), input(b)], output: kind === 'mix' ? vectors(out) : pattern(out), query };
}
