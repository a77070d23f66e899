// `npm run samples`: trains the samples again, from the sources of the project's own dependencies, and says in their READMEs
// what came out. Stopped and run again, it goes on.
// `-- --only NAME` makes one (may be given again), `--steps N` trains so many steps, `--threads N` on so many threads,
// `--out FOLDER` puts them elsewhere than out/samples, `--quick` makes all of it small, to see that it works; `--no-build` takes dist as it is.
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { main, root, say, SetupError, writeWhole } from '../harness/common.mjs';
import { ensureBuild, ensureDependencies } from '../harness/setup.mjs';
import { flagsOf, MEASURED, QUICK_MEASURED, QUICK_PACKAGES, recipe, RECIPES } from './recipes.mjs';

/** Of a checkpoint that is trained, what belongs to the sample beside its weights. */
const FILES = {
  toy: ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'special_tokens_map.json'],
  mlsae: ['config.json'],
};

function options() {
  const { values } = parseArgs({
    options: {
      out: { type: 'string', default: path.join(root, 'out', 'samples') },
      only: { type: 'string', multiple: true, default: Object.keys(RECIPES) },
      steps: { type: 'string' },
      threads: { type: 'string' },
      quick: { type: 'boolean', default: false },
      'no-build': { type: 'boolean', default: false },
    },
  });
  const unknown = values.only.find((name) => !(name in RECIPES));
  if (unknown !== undefined)
    throw new SetupError(`there is no recipe for ${unknown}; there are: ${Object.keys(RECIPES).join(', ')}.`);
  const [steps, threads] = ['steps', 'threads'].map((name) => wholeNumber(name, values[name]));
  return { ...values, out: path.resolve(values.out), steps, threads };
}

function wholeNumber(name, text) {
  if (text === undefined) return undefined;
  if (/^[1-9]\d*$/.test(text)) return Number(text);
  throw new SetupError(`--${name}: found ${text}, a whole number from 1 was expected.`);
}

/** Trains, or goes on; a training that is complete is only read. @returns folder of the training */
function train({ name, kind, model, options }, out, corpus, circuitscope) {
  const folder = path.join(out, 'training', name);
  const on = kind === 'toy' ? ['train-toy'] : ['train-mlsae', sample(model)];
  say(`training ${name} in ${folder}`);
  circuitscope([...on, '--corpus', corpus.train, '--out', folder, ...flagsOf(options)], { show: true });
  return folder;
}

const sample = (name) => path.join(root, 'samples', name);

async function make(recipe, out, corpus, measured) {
  // what needs packages, once they are there
  const { circuitscope, measureMlsae, measureToy } = await import('./measure.mjs');
  const { mlsaeReadme, toyReadme } = await import('./readme.mjs');
  const { halve } = await import('./half.mjs');
  const { name, kind, model } = recipe;
  const training = train(recipe, out, corpus, circuitscope);
  const folder = path.join(out, name);
  mkdirSync(folder, { recursive: true });
  for (const file of FILES[kind]) copyFileSync(path.join(training, file), path.join(folder, file));
  const weights = 'model.safetensors';
  if (kind === 'toy') halve(path.join(training, weights), path.join(folder, weights));
  else copyFileSync(path.join(training, weights), path.join(folder, weights));
  say(`measuring ${name}`);
  const record = JSON.parse(readFileSync(path.join(training, 'training.json'), 'utf8'));
  const text =
    kind === 'toy'
      ? toyReadme(recipe, record, corpus, measureToy(folder, corpus.heldOut, measured))
      : mlsaeReadme(
          recipe,
          record,
          corpus,
          measureMlsae(sample(model), folder, corpus.heldOut, { ...measured, context: recipe.options.context }),
        );
  writeWhole(path.join(folder, 'README.md'), text);
  say(`${name} is in ${folder}`);
}

await main(async () => {
  const { out, only, quick, steps, threads, 'no-build': built } = options();
  ensureDependencies();
  if (!built) ensureBuild();
  const { buildCorpus } = await import('./corpus.mjs');
  const from = path.join(root, 'node_modules');
  const corpus = buildCorpus({ from, out: path.join(out, 'corpus'), ...(quick && { packages: QUICK_PACKAGES }) });
  say(`the corpus has ${corpus.files} files, ${(corpus.characters / 1e6).toFixed(1)} M characters`);
  for (const name of only) await make(recipe(name, { quick, steps, threads }), out, corpus, quick ? QUICK_MEASURED : MEASURED);
});
