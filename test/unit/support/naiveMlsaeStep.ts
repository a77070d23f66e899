/**
 * The loss of a multi-layer TopK autoencoder and its gradients in plain float64, written from the definitions. Shares no code
 * with the engine.
 */
export interface Sae64 {
  /** `[latent][input]` each; a row of the decoder is a latent's direction. */
  encoder: number[][];
  decoder: number[][];
  bias: number[];
}

export interface StepResult64 {
  loss: number;
  fvu: number[];
  aux: number;
  l0: number;
  /** Largest activation of each latent. */
  largest: number[];
}

interface Options {
  k: number;
  auxk: number;
  dead: boolean[];
}

type Rows = number[][];
const sum = (values: number[]): number => values.reduce((a, b) => a + b, 0);
const mean = (values: number[]): number => sum(values) / values.length;
const dot = (a: number[], b: number[]): number => sum(a.map((v, i) => v * b[i]!));

/** Indices of the `k` largest among `of`. */
const largest = (values: number[], k: number, of: number[]): number[] =>
  [...of].sort((a, b) => values[b]! - values[a]!).slice(0, k);

/** One row: code, reconstruction, and what its gradients need. */
function forward(sae: Sae64, x: number[], k: number) {
  const mu = mean(x);
  const std = Math.sqrt(sum(x.map((v) => (v - mu) ** 2)) / (x.length - 1));
  const hat = x.map((v) => (v - mu) / (std + 1e-5));
  const input = hat.map((v, i) => v - sae.bias[i]!);
  const pre = sae.encoder.map((w) => dot(w, input));
  const active = largest(pre, k, [...pre.keys()]).filter((j) => pre[j]! > 0);
  const flat = sae.bias.map((b, i) => b + sum(active.map((j) => pre[j]! * sae.decoder[j]![i]!)));
  return { mu, std, hat, input, pre, active, flat, recon: flat.map((v) => v * std + mu) };
}

/** @param errors what the dead latents are to model; given, so that finite differences do not move it. Default: its own */
export function lossOf(sae: Sae64, layers: Rows[], { k, auxk, dead }: Options, errors?: Rows): StepResult64 {
  const seen = layers.map((rows) => rows.map((x) => forward(sae, x, k)));
  const fvu = layers.map((rows, l) => {
    const all = rows.flat();
    const about = mean(all);
    const variance = sum(all.map((v) => (v - about) ** 2)) / (all.length - 1);
    const squares = rows.flatMap((x, r) => x.map((v, i) => (v - seen[l]![r]!.recon[i]!) ** 2));
    return mean(squares) / variance;
  });
  const flat = seen.flat();
  const largestOf = sae.encoder.map((_, j) => Math.max(0, ...flat.map((r) => (r.active.includes(j) ? r.pre[j]! : 0))));
  const l0 = mean(flat.map(({ active }) => active.length));
  const targets = errors ?? errorsOf(sae, layers, k);
  const aux = dead.includes(true) ? auxLoss(sae, flat, targets, { auxk, dead }) : 0;
  return { loss: mean(fvu) + aux / 32, fvu, aux, l0, largest: largestOf };
}

/** x̂ − what the k latents make of it. `[row][input]` */
export const errorsOf = (sae: Sae64, layers: Rows[], k: number): Rows =>
  layers.flat().map((x) => {
    const { hat, flat } = forward(sae, x, k);
    return hat.map((v, i) => v - flat[i]!);
  });

function auxLoss(
  sae: Sae64,
  rows: { pre: number[] }[],
  errors: Rows,
  { auxk, dead }: Pick<Options, 'auxk' | 'dead'>,
): number {
  const ofDead = [...dead.keys()].filter((j) => dead[j]);
  const squares = rows.map(({ pre }, r) => {
    const active = largest(pre, auxk, ofDead).filter((j) => pre[j]! > 0);
    return sum(errors[r]!.map((e, i) => (sum(active.map((j) => pre[j]! * sae.decoder[j]![i]!)) - e) ** 2));
  });
  const about = errors.map((e) => sum(e.map((v) => (v - mean(e)) ** 2)));
  return sum(squares) / sum(about);
}

/** dLoss by hand, in float64; of the decoder before anything is removed. */
export function gradientsOf(sae: Sae64, layers: Rows[], { k, auxk, dead }: Options): Sae64 {
  const zeros = (rows: Rows): Rows => rows.map((row) => row.map(() => 0));
  const g: Sae64 = { encoder: zeros(sae.encoder), decoder: zeros(sae.decoder), bias: sae.bias.map(() => 0) };
  const push = (j: number, pre: number, input: number[], out: number[]): void => {
    const code = dot(out, sae.decoder[j]!);
    out.forEach((v, i) => (g.decoder[j]![i]! += pre * v));
    input.forEach((v, i) => (g.encoder[j]![i]! += code * v));
    sae.encoder[j]!.forEach((v, i) => (g.bias[i]! -= code * v));
  };
  const errors = errorsOf(sae, layers, k);
  const spread = sum(errors.map((e) => sum(e.map((v) => (v - mean(e)) ** 2))));
  const ofDead = [...dead.keys()].filter((j) => dead[j]);
  let row = 0;
  for (const rows of layers) {
    const all = rows.flat();
    const variance = sum(all.map((v) => (v - mean(all)) ** 2)) / (all.length - 1);
    for (const x of rows) {
      const { pre, active, input, recon, std } = forward(sae, x, k);
      const out = recon.map((v, i) => ((v - x[i]!) * 2 * std) / variance / all.length / layers.length);
      out.forEach((v, i) => (g.bias[i]! += v));
      active.forEach((j) => push(j, pre[j]!, input, out));
      const error = errors[row++]!;
      const modelling = largest(pre, auxk, ofDead).filter((j) => pre[j]! > 0);
      const ofAux = error.map((e, i) => sum(modelling.map((j) => pre[j]! * sae.decoder[j]![i]!)) - e);
      modelling.forEach((j) =>
        push(
          j,
          pre[j]!,
          input,
          ofAux.map((v) => (2 * v) / spread / 32),
        ),
      );
    }
  }
  return g;
}
