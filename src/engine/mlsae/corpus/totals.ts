/** What adds up over a corpus. Sums are exact, so that neither the order of texts nor how they are shared out can be seen. */
import * as l10n from '@vscode/l10n';
import { addCodes, noTotals } from '../distributions';
import type { Codes, LayerTotals } from '../distributions';
import type { EncodedText } from '../encodePrompt';
import { cosineSums, layerSums } from '../layerStats';
import type { LayerSums } from '../layerStats';
import { plainRatios } from '../plainRatios';
import { notFinite } from '../finite';
import { ExactSums } from './exactSums';

/**
 * Activations of one text are added up in float64 and rounded to multiples of 2^-24; sums of those are exact in float64 up to
 * 2^29.
 */
const UNIT = 2 ** 24;

const LAYER_SUMS = ['rows', 'sum', 'sumSquares', 'count', 'squaredError', 'l0', 'l1'] as const;

/** Sums that are not of a single latent. */
export interface Scalars {
  tokens: number;
  documents: number;
  /** Tokens on which more latents are active than are kept. */
  beyond: number;
  withinToken: number;
  /** Σ over texts of the paper's ratios, and the texts that have them. */
  plainTexts: number;
  plainToken: number;
  plainLatent: number;
  layers: LayerSums[];
  /** Σ of cosine similarities of neighbouring layers, plain and after the means are taken away. */
  plain: number[];
  centred: number[];
}

/** Means that are taken away before similarities are centred. `[layer][n_inputs]` */
export type Centre = Float64Array[];

export class Totals {
  /** `[layer, latent]`; totals in multiples of 2^-24 */
  readonly counts: Float64Array;
  private readonly units: Float64Array;
  private scalars: ExactSums;
  /** Of one text. */
  private readonly text: LayerTotals;

  constructor(
    readonly layers: number[],
    readonly nLatents: number,
    stored?: { counts: Float64Array; totals: Float64Array; scalars: string[] },
  ) {
    this.text = noTotals(layers, nLatents);
    this.counts = stored?.counts ?? new Float64Array(layers.length * nLatents);
    this.units = stored?.totals.map((total) => total * UNIT) ?? new Float64Array(layers.length * nLatents);
    this.scalars = stored ? ExactSums.fromJSON(stored.scalars) : new ExactSums(scalarsLength(layers.length));
  }

  /**
   * Adds one text.
   * @param name of the autoencoder
   * @throws InputError when something is not finite; nothing of the text is then added
   */
  add(text: EncodedText, codes: Codes, centre: Centre, isDocument: boolean, name = l10n.t('The autoencoder')): void {
    this.readLatents(codes);
    const scalars = this.scalarsOf(text, codes, centre, isDocument);
    this.checkFinite(scalars, name);
    this.addLatents();
    this.scalars.add(flat(scalars));
  }

  private scalarsOf(text: EncodedText, codes: Codes, centre: Centre, isDocument: boolean): Scalars {
    const { resid, encoded } = text;
    const n = codes.nTokens;
    const pairs = resid.slice(1);
    const nInputs = resid[0]!.length / n;
    const similar = pairs.map((next, l) => cosineSums(resid[l]!, next, nInputs, centre[l], centre[l + 1]));
    return {
      tokens: n,
      documents: isDocument ? 1 : 0,
      beyond: this.beyond(text, n),
      withinToken: this.text.withinToken,
      ...plainOf(codes, this.nLatents),
      layers: resid.map((rows, l) => layerSums(rows, encoded, { from: l * n, n })),
      plain: similar.map(({ plain }) => finite(plain)),
      centred: similar.map(({ centred }) => finite(centred)),
    };
  }

  private checkFinite(scalars: Scalars, name: string): void {
    const { layers, nLatents, text } = this;
    layers.forEach((layer, l) => {
      const sums = Object.values(scalars.layers[l]!) as number[];
      const totals = text.totals.subarray(l * nLatents, (l + 1) * nLatents);
      if (!sums.every(Number.isFinite) || !totals.every(Number.isFinite))
        throw notFinite(name, l10n.t('at layer {0}', layer));
    });
    if (!flat(scalars).every(Number.isFinite)) throw notFinite(name, l10n.t('at layers {0}', layers.join(', ')));
  }

  /** Counts and totals of one text. */
  private readLatents(codes: Codes): void {
    const { text } = this;
    text.counts.fill(0);
    text.totals.fill(0);
    text.withinToken = 0;
    addCodes(text, codes);
  }

  private addLatents(): void {
    const { text, counts, units } = this;
    for (let i = 0; i < counts.length; i++) {
      if (text.counts[i] === 0) continue;
      counts[i]! += text.counts[i]!;
      units[i]! += Math.round(text.totals[i]! * UNIT);
    }
  }

  private beyond({ encoded: { l0, k } }: EncodedText, nTokens: number): number {
    let n = 0;
    for (let token = 0; token < nTokens; token++) if (this.layers.some((_, l) => l0[l * nTokens + token]! > k)) n++;
    return n;
  }

  addTotals(other: Totals): void {
    for (let i = 0; i < this.counts.length; i++) {
      this.counts[i]! += other.counts[i]!;
      this.units[i]! += other.units[i]!;
    }
    this.scalars.addSums(other.scalars);
  }

  /** As stored. `[layer, latent]` */
  get wholeCounts(): BigInt64Array {
    const whole = new BigInt64Array(this.counts.length);
    // to make a BigInt takes long
    for (let i = 0; i < whole.length; i++) if (this.counts[i] !== 0) whole[i] = BigInt(this.counts[i]!);
    return whole;
  }

  /** Sums of activations. `[layer, latent]` */
  get totals(): Float64Array {
    return this.units.map((total) => total / UNIT);
  }

  get sums(): Scalars {
    return unflat(this.scalars.values, this.layers.length);
  }

  /** As stored in JSON. */
  get storedScalars(): string[] {
    return this.scalars.toJSON();
  }
}

/** A residual of zeros, or one that is the mean, is similar to nothing. */
const finite = (value: number): number => (Number.isFinite(value) ? value : 0);

function plainOf(codes: Codes, nLatents: number): Pick<Scalars, 'plainTexts' | 'plainToken' | 'plainLatent'> {
  const { tokenOverLatent, latentOverTotal } = plainRatios(codes, nLatents);
  const known = Number.isFinite(tokenOverLatent) && Number.isFinite(latentOverTotal);
  return known
    ? { plainTexts: 1, plainToken: tokenOverLatent, plainLatent: latentOverTotal }
    : { plainTexts: 0, plainToken: 0, plainLatent: 0 };
}

const SCALARS = ['tokens', 'documents', 'beyond', 'withinToken', 'plainTexts', 'plainToken', 'plainLatent'] as const;

/** Numbers of `Scalars`. */
export const scalarsLength = (nLayers: number): number =>
  SCALARS.length + nLayers * LAYER_SUMS.length + 2 * Math.max(0, nLayers - 1);

const flat = ({ layers, plain, centred, ...scalars }: Scalars): number[] => [
  ...SCALARS.map((name) => scalars[name]),
  ...layers.flatMap((sums) => LAYER_SUMS.map((name) => sums[name])),
  ...plain,
  ...centred,
];

function unflat(values: number[], nLayers: number): Scalars {
  const scalars = Object.fromEntries(SCALARS.map((name, i) => [name, values[i]!])) as Pick<
    Scalars,
    (typeof SCALARS)[number]
  >;
  const rest = values.slice(SCALARS.length);
  const width = LAYER_SUMS.length;
  const layers = Array.from({ length: nLayers }, (_, l) => {
    const entries = LAYER_SUMS.map((name, i) => [name, rest[l * width + i]!]);
    return Object.fromEntries(entries) as unknown as LayerSums;
  });
  const pairs = rest.slice(nLayers * width);
  const half = pairs.length / 2;
  return { ...scalars, layers, plain: pairs.slice(0, half), centred: pairs.slice(half) };
}
