import type { Command } from 'commander';
import { RESULT_ENDING } from '../../protocol/resultFile';
import { InputError } from '../checkpoint/errors';
import { importPatterns } from '../interop/importPatterns';
import { checkOut } from './out';
import { note } from './print';

/** `circuitscope import-patterns FILE`: patterns of other tools as a saved result. */
export const importPatternsCommand = (root: Command): void => {
  root
    .command('import-patterns')
    .description('take over attention patterns: JSON of CircuitsVis, or activations as safetensors')
    .argument('<file>', 'tokens and attention [head, destination, source], or hook_pattern with tokens in the metadata')
    .requiredOption('--out <file>', `the result to write, ${RESULT_ENDING}`)
    .action(run);
};

async function run(file: string, { out }: { out: string }): Promise<void> {
  if (!out.endsWith(RESULT_ENDING)) throw new InputError(`--out: a file that ends in ${RESULT_ENDING} was expected`);
  await checkOut(out);
  const { heads, tokens, notices } = await importPatterns(file, out);
  notices.forEach(note);
  note(`${out}: patterns of ${heads} heads on ${tokens} tokens written`);
}
