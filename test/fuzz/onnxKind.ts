/** Mutants of `.onnx` files. */
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ModelProtoSchema } from '../../src/engine/graph/onnx_pb';
import { llama, LLAMA } from '../unit/support/families';
import {
  dialects,
  exportedCheckpoint,
  EXPORTS,
  foreignOf,
  withWeightsOutside,
  type Dialect,
} from '../unit/support/foreignModels';
import { writeRandomCheckpoint } from '../unit/support/randomCheckpoint';
import { mutateBytes } from './byteMutations';
import { CONFIG } from './dialects';
import { bytesAt, misplace, readFiles, type Entry, type Files } from './files';
import { mutateJsonFile, type Mutant } from './mutant';
import { mutateModel } from './onnxMutations';
import { mutatePlausibly } from './onnxPlausible';
import type { Random } from './random';
import { mutateWire } from './wireMutations';

const exported = readdirSync(EXPORTS).filter((name) => name.endsWith('.onnx'));

/** A checkpoint that every operator of a dialect can say. */
const sixteen = (): string => writeRandomCheckpoint(llama(LLAMA, 'heads of 16', { head_dim: 16 })).folder;
const written: [Dialect, () => string][] = [
  [dialects.plain, () => exportedCheckpoint('gpt2')],
  [dialects.gemm, () => exportedCheckpoint('neox')],
  [dialects.transposed, () => exportedCheckpoint('neox-sequential')],
  [dialects.sdpa, () => exportedCheckpoint('llama')],
  [dialects.optimum, () => exportedCheckpoint('llama')],
  [dialects.einsum, () => exportedCheckpoint('gpt2')],
  [dialects.attention4d, () => exportedCheckpoint('llama')],
  [dialects.attention3d, () => exportedCheckpoint('gpt2')],
  [dialects.multiHead, () => exportedCheckpoint('neox')],
  [dialects.groupQuery, sixteen],
  [dialects.groupQueryPacked, sixteen],
  [dialects.fused, () => exportedCheckpoint('gpt2')],
  [dialects.dequantized, () => exportedCheckpoint('gpt2')],
  [dialects.integer, () => exportedCheckpoint('gpt2')],
];

/** Seeds by number: exports of PyTorch, the same with their weights outside, and dialects. */
const seeds = [
  ...exported.map((name) => async (): Promise<Files> => new Map([['model.onnx', readFileSync(join(EXPORTS, name))]])),
  ...exported.slice(0, 3).map((name) => async () => filesOf(withWeightsOutside(join(EXPORTS, name), 'one'))),
  ...written.map(
    ([dialect, folder]) =>
      async () =>
        filesOf(await foreignOf(folder(), dialect)),
  ),
];
const made = new Map<number, Promise<Files>>();

/** The `.onnx`, whatever it is called, as `model.onnx`, with the files beside it. */
function filesOf(file: string): Files {
  const files = readFiles(dirname(file));
  const name = [...files.keys()].find((each) => each.endsWith('.onnx'))!;
  const model = files.get(name)!;
  files.delete(name);
  return new Map<string, Entry>([['model.onnx', model], ...files]);
}

function seed(index: number): Promise<Files> {
  const files = made.get(index) ?? seeds[index]!();
  made.set(index, files);
  return files;
}

/** What an external location may lead to. */
const PLACES: Files = new Map<string, Entry>([
  ['folder', { kind: 'folder' }],
  ['link', { kind: 'link', target: '/etc/passwd' }],
  ['pipe', { kind: 'pipe' }],
  ['weights.bin', Buffer.alloc(5000)],
]);

export async function onnx(random: Random): Promise<Mutant> {
  const files: Files = new Map(await seed(random.below(seeds.length)));
  const mutations = [mutateOnnx(random, files)];
  if (random.chance(0.1)) {
    for (const [name, place] of PLACES) if (process.platform !== 'win32' && !files.has(name)) files.set(name, place);
  }
  if (random.chance(0.1)) {
    files.set('config.json', Buffer.from('{"model_type": "gpt2", "n_positions": 40, "n_head": 2, "bos_token_id": 1}'));
    mutations.push(mutateJsonFile(random, files, 'config.json', CONFIG));
  }
  const name = random.chance(0.5) ? 'model.onnx' : '.';
  return { files, mutations, target: (folder) => ({ model: join(folder, name), texts: [] }) };
}

function mutateOnnx(random: Random, files: Files): string {
  const how = random.below(40);
  const names = [...files.keys()];
  if (how === 0) return misplace(random, files, random.pick(names));
  const name = how === 1 ? random.pick(names) : 'model.onnx';
  const bytes = bytesAt(files, name);
  if (!bytes) return 'nothing';
  if (how < 5) {
    const [changed, what] = mutateBytes(
      random,
      bytes,
      names.flatMap((each) => bytesAt(files, each) ?? []),
    );
    files.set(name, changed);
    return `${name}: ${what}`;
  }
  if (how < 10) {
    const [changed, what] = mutateWire(random, bytes);
    files.set(name, changed);
    return `${name}: ${what}`;
  }
  const model = fromBinary(ModelProtoSchema, bytes);
  const rounds = random.pick([1, 1, 1, 1, 2, 3]);
  const plausible = random.chance(0.5);
  const mutate = (): string => (plausible && model.graph ? mutatePlausibly : mutateModel)(random, model);
  const done = Array.from({ length: rounds }, mutate);
  files.set(name, Buffer.from(toBinary(ModelProtoSchema, model)));
  return `${name}: ${done.join('; ')}`;
}
