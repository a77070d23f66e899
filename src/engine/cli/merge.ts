import type { Command } from 'commander';
import { resolve } from 'node:path';
import { merge } from '../mlsae/corpus/merge';
import { summaryOf } from '../mlsae/corpus/summary';
import { deadBelowOf, withDeadBelow } from './corpusOptions';
import { printSummary } from './sweep';

/** `circuitscope merge`: shards of a sweep as one sweep. */
export const mergeCommand = (root: Command): void => {
  const command = root
    .command('merge')
    .description('add up all shards of a sweep')
    .argument('<folder...>', 'what sweep --shard wrote, one folder a shard');
  withDeadBelow(command)
    .requiredOption('--out <folder>', 'where the results are kept')
    .option(
      '--json',
      'print JSON to stdout: {tokens, documents, perLayer, adjacent, varianceRatios, dead, complete, notices}',
    )
    .action(async (folders: string[], options: { out: string; json?: boolean; deadBelow?: string }) => {
      const { deadBelow } = deadBelowOf(options);
      const merged = await merge(folders, options.out);
      printSummary(summaryOf(merged, resolve(options.out), deadBelow), options);
    });
};
