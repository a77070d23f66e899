/** The kinds of mutants: what each starts from, what is changed, how it is opened. */
import { join } from 'node:path';
import { mutateBytes } from './byteMutations';
import { CONFIG, INDEX, SAE, TOKENIZER } from './dialects';
import { SAE_VARIANTS, writeRandomSae } from '../unit/support/randomSae';
import { bytesAt, misplace, readFiles, type Files } from './files';
import { Members, shortJson } from './json';
import type { Dialect } from './jsonMutations';
import { editJson, mutateJsonFile, rounds, type Mutant, type Target } from './mutant';
import { onnx } from './onnxKind';
import type { Random } from './random';
import { mutateParts, putTogether, takeApart } from './safetensorsMutations';
import { checkpoints, saeModel, saes, tokenizers, unusual } from './seeds';

const TEXTS = ['the cat sat on the mat. the cat'];
const HARD_TEXTS = [
  ...TEXTS,
  'The cat’s “mat” — naïve ﬁne 🙂 \ud83d and\ttabs\r\n\n  end ',
  `${'a'.repeat(60)}!`,
  ' ',
  'x '.repeat(500),
  '<s> </s> [CLS] <unk> ▁the Ġcat ##at',
];

function mutateTensorFile(random: Random, files: Files, name: string): string {
  const bytes = bytesAt(files, name);
  if (!bytes) return 'nothing';
  const parts = takeApart(bytes);
  const done = Array.from({ length: rounds(random) }, () => mutateParts(random, parts));
  files.set(name, putTogether(parts));
  return `${name}: ${done.join('; ')}`;
}

function mutateFileBytes(random: Random, files: Files, name: string): string {
  const others = [...files.keys()].flatMap((each) => bytesAt(files, each) ?? []);
  let bytes = bytesAt(files, name);
  if (!bytes) return 'nothing';
  const done: string[] = [];
  for (let n = rounds(random); n > 0; n--) {
    const [changed, what] = mutateBytes(random, bytes, others);
    bytes = changed;
    done.push(what);
  }
  files.set(name, bytes);
  return `${name}: ${done.join('; ')}`;
}

/** One way or another, by what kind of file it is. */
function mutateFile(random: Random, files: Files, name: string, dialect: Dialect): string {
  const how = random.below(20);
  if (how === 0) return misplace(random, files, name);
  if (how < 4) return mutateFileBytes(random, files, name);
  if (name.endsWith('.safetensors')) return mutateTensorFile(random, files, name);
  return mutateJsonFile(random, files, name, name.endsWith('.index.json') ? INDEX : dialect);
}

const ending = (files: Files, ...endings: string[]): string[] =>
  [...files.keys()].filter((name) => endings.some((each) => name.endsWith(each)));

const copyOf = (files: Files): Files => new Map(files);
const inFolder =
  (texts: string[], circuits?: number) =>
  (folder: string): Target => ({ model: folder, texts, ...(circuits !== undefined && { circuits }) });

function safetensors(random: Random): Mutant {
  const files = copyOf(random.pick(checkpoints)());
  const name = random.pick(ending(files, '.safetensors', '.index.json'));
  return { files, mutations: [mutateFile(random, files, name, CONFIG)], target: inFolder(TEXTS) };
}

function configs(random: Random): Mutant {
  if (random.chance(0.25)) {
    const files = copyOf(unusual(random));
    const mutations = [
      'unusual sizes',
      ...(random.chance(0.3) ? [mutateFile(random, files, 'config.json', CONFIG)] : []),
    ];
    return { files, mutations, target: inFolder(TEXTS) };
  }
  const files = copyOf(random.pick(checkpoints)());
  const change = random.chance(0.3) ? otherSize : mutateFile;
  return { files, mutations: [change(random, files, 'config.json', CONFIG)], target: inFolder(TEXTS) };
}

/** A size that is as good as the one that is there, by itself. */
const otherSize = (random: Random, files: Files, name: string): string =>
  editJson(files, name, ({ entries }) => {
    const numbers = entries.filter(([, value]) => typeof value === 'number');
    const entry = random.pick(numbers.length > 0 ? numbers : entries);
    entry[1] = random.pick([random.between(1, 64), 1, 2, 4, 8]);
    return `${entry[0]} = ${entry[1]}`;
  });

/** An autoencoder for a model that has another width. */
function saeOfOtherWidth(random: Random): Files {
  const nInputs = random.pick([1, 2, 20, 29, 31, 64]);
  return readFiles(writeRandomSae(SAE_VARIANTS[0]!, { nInputs, nLatents: 40 }).folder);
}

function sae(random: Random): Mutant {
  if (random.chance(0.03)) {
    const target = (folder: string): Target => ({
      model: saeModel().folder,
      sharedModel: true,
      sae: { path: folder },
      texts: TEXTS,
    });
    return { files: saeOfOtherWidth(random), mutations: ['of another width'], target };
  }
  const seed = random.pick(saes)();
  const files = copyOf(seed.files);
  const names = ending(files, '.safetensors', '.json');
  const mutations = random.some(names, random.chance(0.2) ? 2 : 1).map((name) => mutateFile(random, files, name, SAE));
  const target = (folder: string): Target => ({
    model: saeModel().folder,
    sharedModel: true,
    sae: {
      path: join(folder, seed.folder),
      ...(seed.tunedLens !== undefined && { tunedLens: join(folder, seed.tunedLens) }),
    },
    texts: TEXTS,
  });
  return { files, mutations, target };
}

function tokenizer(random: Random): Mutant {
  // the last one is large, and slow to parse
  const files = copyOf(random.pick(random.chance(0.1) ? tokenizers : tokenizers.slice(0, 3))());
  const names = ending(files, 'tokenizer.json', 'tokenizer.json', 'tokenizer_config.json');
  const name = random.chance(0.8) ? 'tokenizer.json' : random.pick(names);
  const mutations = [random.chance(0.2) ? otherPart(random, files) : mutateFile(random, files, name, TOKENIZER)];
  return { files, mutations, target: inFolder(random.some(HARD_TEXTS, 3), random.pick([0, 0, 0, 1])) };
}

/** Another normaliser, pre-tokenizer … that the library knows. */
function otherPart(random: Random, files: Files): string {
  const parts = TOKENIZER.values.filter((value): value is Members => value instanceof Members);
  return editJson(files, 'tokenizer.json', (json) => {
    const entry = random.pick(json.entries.filter(([key]) => /normalizer|tokenizer|processor|decoder/.test(key)));
    entry[1] = random.pick(parts);
    return `${entry[0]} = ${shortJson(entry[1])}`;
  });
}

/** By the name of their test. */
export const KINDS: Record<string, (random: Random) => Mutant | Promise<Mutant>> = {
  safetensors,
  configs,
  sae,
  tokenizer,
  onnx,
};
