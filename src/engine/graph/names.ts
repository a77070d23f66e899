/** What an emitted graph calls its inputs and outputs; hooks have TransformerLens's names (hooks.ts). */

/** Names of the graph inputs; a graph has those that its outputs need. */
export const graphInputs = {
  ids: 'ids',
  positions: 'positions',
  /** Additive, 0 or −∞; a sliding window's has the window in its name. */
  mask: (window?: number): string => (window === undefined ? 'mask' : `mask_window_${window}`),
  cos: 'rope_cos',
  sin: 'rope_sin',
  /** Where block b of rows begins, or the one before it ends. */
  bound: (b: number): string => `bound_${b}`,
  /** The residual stream that an earlier segment left. */
  resid: 'resid',
  /** Rows whose next-token distribution another's is measured against. */
  against: 'resid_against',
  /** The token after each position. */
  targets: 'targets',
} as const;

export const RESID_OUT = 'resid_out';
/** Block b of the rows of a hook_pattern that is computed in blocks. */
export const rowsName = (hook: string, b: number): string => `${hook}.rows_${b}`;
/** A hook's second output, which stays on the device. */
export const keptName = (hook: string): string => `${hook}.kept`;

export const rowsNames = (hook: string, blocks: number): string[] =>
  Array.from({ length: blocks }, (_, b) => rowsName(hook, b));
