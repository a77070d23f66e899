import * as l10n from '@vscode/l10n';
import type { SkipTrigram } from '../../protocol/circuits/headCircuit';
import type { OpenModel } from '../circuitHandlers';
import type { Steps } from '../runtime/types';
import { FactoredMatrix, largestOf, type Entry, type Tall } from './factored';
import type { HeadSides } from './headSides';
import { dot } from './rows';
import type { TokenTable } from './tokenTable';

/** Destinations and outputs that one source contributes to the table, so that it does not fill it alone. */
const PER_SOURCE = 2;

/**
 * Skip-trigrams of a head (Framework, “One-layer”), ranked by strength: (QK[d, s] − mean over s′ of QK[d, s′]) ×
 * (OV[s, o] − mean over o′ of OV[s, o′]). Softmaxes do not feel what all sources of a destination, or all outputs of a
 * source, have in common, so that is taken away first. Both factors must be positive.
 */
export class SkipTrigrams {
  /** K without its mean, Q: `[source, destination]`. */
  private readonly attended: FactoredMatrix;
  /** V, O without its mean: `[source, output]`. */
  private readonly written: FactoredMatrix;

  constructor(
    model: OpenModel,
    private readonly sides: HeadSides,
    private readonly tokens: TokenTable,
  ) {
    this.attended = new FactoredMatrix(model, centred(sides.K), sides.Q);
    this.written = new FactoredMatrix(model, sides.V, centred(sides.O));
  }

  /** Over all sources, at most two destinations and two outputs each. Strongest first. */
  async strongest(top: number, ovMax: Float32Array, steps: Steps): Promise<SkipTrigram[]> {
    const { max } = await this.attended.rowExtremes(l10n.t('Skip-trigrams of every source'), steps);
    const { V, O } = this.sides;
    const mean = meanRow(O);
    const best = max.map((qk, s) => {
      const ov = ovMax[s]! - dot(rowOf(V, s), mean);
      return qk > 0 && ov > 0 ? qk * ov : 0;
    });
    return (await this.ofSources(largestOf(best, top), PER_SOURCE)).slice(0, top);
  }

  /** All combinations of each source's `each` best destinations and outputs. Strongest first. */
  async ofSources(sources: number[], each: number): Promise<SkipTrigram[]> {
    const destinations = (await this.attended.rowEntries(sources, each)).largest;
    const outputs = (await this.written.rowEntries(sources, each)).largest;
    return sources
      .flatMap((_, i) =>
        destinations[i]!.flatMap((d) =>
          outputs[i]!.filter((o) => d.value > 0 && o.value > 0).map((o) => this.skipTrigram(d, o)),
        ),
      )
      .sort((a, b) => b.strength - a.strength);
  }

  private skipTrigram(attended: Entry, written: Entry): SkipTrigram {
    const { Q, K, V, O } = this.sides;
    const [source, destination, output] = [attended.row, attended.column, written.column];
    return {
      source: this.tokens.token(source),
      destination: this.tokens.token(destination),
      output: this.tokens.token(output),
      qk: dot(rowOf(Q, destination), rowOf(K, source)),
      ov: dot(rowOf(V, source), rowOf(O, output)),
      strength: attended.value * written.value,
    };
  }
}

const rowOf = ({ data, k }: Tall, row: number): Float32Array => data.subarray(row * k, (row + 1) * k);

function meanRow({ data, k }: Tall): Float32Array {
  const sum = new Float64Array(k);
  for (let i = 0; i < data.length; i++) sum[i % k]! += data[i]!;
  return Float32Array.from(sum, (value) => value / (data.length / k));
}

function centred(side: Tall): Tall {
  const mean = meanRow(side);
  return { ...side, data: side.data.map((value, i) => value - mean[i % side.k]!) };
}
