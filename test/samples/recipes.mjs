// What is trained, and how. Options are those of `circuitscope train-toy` and `train-mlsae`.

/** With which the attention-only samples are trained; the sizes are train-toy's own. */
const TOY = { batch: 16, 'save-every': 250, 'measure-every': 50 };
/** Sizes with which everything takes seconds and nothing is learnt. */
const QUICK_TOY = {
  ...{ 'd-model': 16, heads: 2, vocab: 300, context: 64, batch: 2, steps: 4 },
  ...{ 'save-every': 2, 'measure-every': 2, 'max-tokens': 20_000 },
};
const QUICK_MLSAE = {
  ...{ 'expansion-factor': 2, k: 4, batch: 64, steps: 3, auxk: 8 },
  ...{ 'save-every': 2, context: 32, 'max-tokens': 2000 },
};

/**
 * Recipes by the names of the samples. `toy`: trained from nothing; `mlsae`: on the sample that `model` names. neox-6l itself is no
 * attention-only model, and not made here.
 */
export const RECIPES = {
  'attn-only-0l': { kind: 'toy', options: { ...TOY, layers: 0, lr: 3e-3, 'repeat-share': 0, steps: 5200 } },
  'attn-only-1l': { kind: 'toy', options: { ...TOY, layers: 1, lr: 2e-3, 'repeat-share': 0.1, steps: 7350 } },
  // short sequences full of repeats until the induction heads are there, then longer ones, then more text
  'attn-only-2l': {
    kind: 'toy',
    options: { ...TOY, layers: 2, batch: 4, lr: 3e-3, stages: '0.28:0.9:0.3:64,0.75:0.6:0.3,1:0.3:0.3', steps: 7000 },
  },
  'mlsae-neox-6l-x16-k16': {
    kind: 'mlsae',
    model: 'neox-6l',
    options: {
      ...{ 'expansion-factor': 16, k: 16, batch: 2304, lr: 7e-4, auxk: 64, 'dead-tokens': 500_000 },
      ...{ context: 256, steps: 5490, 'save-every': 100 },
    },
  },
};

/** Packages that a quick run reads. */
export const QUICK_PACKAGES = ['commander', 'preact'];
/** Of held-out text, what is measured: windows for a loss, tokens for an autoencoder. */
export const MEASURED = { windows: 40, tokens: 60_000 };
export const QUICK_MEASURED = { windows: 2, tokens: 1000 };

/** The recipe, small where `quick`; with so many steps, on so many threads where they are given. */
export function recipe(name, { quick = false, steps, threads } = {}) {
  const { kind, model, options } = RECIPES[name];
  const small = quick ? (kind === 'toy' ? QUICK_TOY : QUICK_MLSAE) : {};
  const given = { ...(steps !== undefined && { steps }), ...(threads !== undefined && { threads }) };
  return { name, kind, model, options: { ...options, ...small, ...given } };
}

/** As arguments of the command line. */
export const flagsOf = (options) =>
  Object.entries(options).flatMap(([name, value]) => [name.length === 1 ? `-${name}` : `--${name}`, String(value)]);
