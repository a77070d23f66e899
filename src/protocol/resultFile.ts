/**
 * `.circuitscope.json`: a result that can be committed, compared and run again. Keys are sorted, numbers rounded and one value
 * stands on a line, so that two files differ where the results do.
 */

import type { CompareSection } from './comparePanel';
import type { SavedPattern } from './savedPatterns';

export const RESULT_ENDING = '.circuitscope.json';
/** What the file says of itself. */
export const FORMAT = 'circuitscope-result';
export const VERSION = 1;
/** Larger is not what we write: a text of 100,000 tokens is. */
export const MOST_CHARACTERS = 16_000_000;
/** Decimals that are kept. */
export const DECIMALS = 4;

/** Panels whose result can be saved. */
export const resultPanels = [
  ...(['attention', 'circuits', 'paths', 'lens', 'bigrams', 'importance', 'patch', 'ablate'] as const),
  ...(['latents', 'layers', 'compare'] as const),
];
export type ResultPanel = (typeof resultPanels)[number];

/** What is looked at. Heads are written `L1H5`; positions are tokens of the prompt. */
export interface ResultView {
  panel: ResultPanel;
  head?: string;
  weighting?: 'pattern' | 'value-weighted';
  reduction?: 'one' | 'mean' | 'max';
  destination?: number;
  source?: number;
  /** The composition that is locked. */
  earlier?: string;
  later?: string;
  kind?: 'Q' | 'K' | 'V';
  /** Id of the token whose logit is taken apart; of bigrams: that they begin with. */
  token?: number;
  latent?: number;
  layer?: number;
  /** Of an ablation. */
  heads?: string[];
  mean?: boolean;
  /** Of patching: the ids of the corrupted prompt (those of the clean one are the result's), and those of the two answers. */
  corrupted?: number[];
  answer?: number;
  wrong?: number;
  /** Of the layers panel: the loss with reconstructions was measured too. */
  spliced?: boolean;
  /** Of a comparison. */
  section?: CompareSection;
}

/** Files by what is in them. */
export interface FileIdentity {
  name: string;
  /** From the folder of the result to the files, with forward slashes; absolute where there is no such way. */
  path: string;
  /** Of the bytes of config.json (or cfg.json); SHA-256, 16 digits. */
  config?: string;
  /** Of names, types, shapes and first bytes of all tensors; SHA-256, 16 digits. Training changes it, reading it is cheap. */
  weights: string;
  /** Of a single-layer autoencoder whose files do not say it. */
  layer?: number;
  /** Path of the translators that it is read with, as `path`. */
  tunedLens?: string;
}

/** Section → name → number. */
export type ResultNumbers = Record<string, Record<string, number>>;

export interface ResultFile {
  checkpoint: FileIdentity;
  sae?: FileIdentity;
  /** B of a comparison; A is `checkpoint`. */
  other?: FileIdentity;
  /** That B's latents were read with, where each of the two has its own; `sae` is then that of A. */
  otherSae?: FileIdentity;
  /** Version of the extension. */
  circuitscope: string;
  /** ISO 8601. */
  created: string;
  /** Where the text was: `total.ts:4–9`. */
  source: string;
  /** Absent for a checkpoint without a tokenizer. */
  text?: string;
  /** None where a result is of the weights alone. */
  ids: number[];
  /** Their texts. `[pos]` */
  tokens: string[];
  view: ResultView;
  numbers: ResultNumbers;
  /** Read from another tool's file, which stands in the place of the checkpoint: nothing can be run again, and there are no ids. */
  patterns?: SavedPattern[];
}

/** Rounded as they are written; what is not finite is left out. */
export const roundedNumbers = (numbers: ResultNumbers): ResultNumbers => {
  const round = (value: number): number => Number(value.toFixed(DECIMALS)) + 0;
  const section = (values: Record<string, number>): Record<string, number> =>
    Object.fromEntries(
      Object.entries(values)
        .filter(([, value]) => Number.isFinite(value))
        .map(([name, value]) => [name, round(value)]),
    );
  return Object.fromEntries(Object.entries(numbers).map(([name, values]) => [name, section(values)]));
};

/** The text of the file. The same result gives the same bytes. */
export function writeResult(result: ResultFile): string {
  const { numbers, ...rest } = result;
  const whole = { format: FORMAT, formatVersion: VERSION, ...rest, numbers: roundedNumbers(numbers) };
  return `${JSON.stringify(sorted(whole), null, 2)}\n`;
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  return Object.fromEntries(
    entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([key, each]) => [key, sorted(each)]),
  );
}

/** Results of the weights alone. */
export const needsText = ({ panel, section }: ResultView): boolean =>
  panel === 'compare' ? section !== 'scores' && section !== 'composition' : panel !== 'bigrams' && panel !== 'circuits';

export const needsSae = ({ panel, section }: ResultView): boolean =>
  panel === 'latents' || panel === 'layers' || (panel === 'compare' && section === 'latents');
