/** Shards of a sweep as one sweep. */
import * as l10n from '@vscode/l10n';
import { resolve } from 'node:path';
import { InputError } from '../../checkpoint/errors';
import { otherFolder } from './folder';
import { difference } from './identity';
import { SweepState } from './state';
import { readFiles, readRecord, SweepWriter } from './store';
import type { SweepRecord } from './store';

interface Shard {
  dir: string;
  record: SweepRecord & { shard: { index: number; count: number } };
}

/**
 * Adds up all shards of a sweep, one after another in memory; what is written to `out` is what the sweep in one go writes.
 * @throws InputError when they are not the shards, each once and whole, of one sweep
 */
export async function merge(dirs: string[], out: string): Promise<SweepState> {
  const shards: Shard[] = [];
  for (const dir of dirs) shards.push(await shardAt(dir));
  checkShards(shards);
  await checkOut(dirs, out);
  const [first, ...rest] = shards.sort((a, b) => a.record.shard.index - b.record.shard.index) as [Shard, ...Shard[]];
  const writer = new SweepWriter(out);
  await writer.begin((await readFiles(first.dir)).slice(0, -1));
  const { head, totals, examples, centre } = await SweepState.load(first.dir, first.record);
  const merged = new SweepState({ ...head, shard: null }, totals, examples, centre);
  const notices = new Set(first.record.notices);
  for (const { dir, record } of rest) {
    const shard = await SweepState.load(dir, record);
    merged.totals.addTotals(shard.totals);
    merged.examples.addExamples(shard.examples.arrays);
    shard.notices.forEach((notice) => notices.add(notice));
  }
  Object.assign(merged, { notices: [...notices], complete: true });
  await writer.save(merged.record(), merged.arrays());
  return merged;
}

async function shardAt(dir: string): Promise<Shard> {
  const record = await readRecord(dir);
  if (!record) throw new InputError(l10n.t('{0} has no sweep: a folder with sweep.json was expected.', dir));
  const { shard, complete } = record;
  if (!shard) throw new InputError(l10n.t('{0} has a whole sweep, not a shard of one.', dir));
  if (!complete)
    throw new InputError(l10n.t('{0} is not complete: run its sweep again, it goes on where it was.', dir));
  return { dir, record: { ...record, shard } };
}

function checkShards(shards: Shard[]): void {
  const [first, ...rest] = shards;
  if (!first) throw new InputError(l10n.t('There is nothing to merge: expected the folders of all shards.'));
  const { count } = first.record.shard;
  for (const { dir, record } of rest) {
    const other = difference(first.record.identity, record.identity);
    if (other) throw new InputError(l10n.t('{0} and {1} are of different sweeps: {2}.', first.dir, dir, other));
    if (record.shard.count !== count)
      throw new InputError(
        l10n.t('{0} is one of {1} shards, {2} one of {3}.', first.dir, count, dir, record.shard.count),
      );
  }
  const byIndex = new Map<number, string>();
  for (const { dir, record } of shards) {
    const twin = byIndex.get(record.shard.index);
    if (twin !== undefined)
      throw new InputError(
        l10n.t('{0} and {1} overlap: both are shard {2}/{3}.', twin, dir, record.shard.index, count),
      );
    byIndex.set(record.shard.index, dir);
  }
  const missing = Array.from({ length: count }, (_, index) => index).filter((index) => !byIndex.has(index));
  if (missing.length > 0)
    throw new InputError(l10n.t('Shards are missing: {0}.', missing.map((index) => `${index}/${count}`).join(', ')));
}

async function checkOut(dirs: string[], out: string): Promise<void> {
  if (dirs.some((dir) => resolve(dir) === resolve(out)))
    throw new InputError(l10n.t('{0} is one of the shards: give another folder.', out));
  if (await readRecord(out)) throw new InputError(l10n.t('{0} has a sweep already: {1}', out, otherFolder()));
}
