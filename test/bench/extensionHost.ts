/** What is measured inside a real extension host; test/harness/bench.mjs runs it there. */
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import * as vscode from 'vscode';
import type { ExtensionExports } from '../../src/extension';
import { lagDuring } from './support/lag';
import { bench, Skip, timed, type Figure, type Measure } from './support/measure';
import { idsOf, writeGpt2 } from './support/models';

interface Context {
  extension: vscode.Extension<ExtensionExports>;
}

async function withCpuTime(work: () => Promise<unknown>): Promise<Figure> {
  const before = process.cpuUsage();
  const value = await timed(work);
  const { user, system } = process.cpuUsage(before);
  return {
    value,
    note: `${((user + system) / 1000).toFixed(0)} ms of the host’s CPU time; VS Code ${vscode.version}`,
  };
}

/** Other extensions have started: the host uses less than a twentieth of a core. */
async function settled(): Promise<void> {
  for (let round = 0; round < 40; round++) {
    const before = process.cpuUsage();
    await sleep(500);
    const { user, system } = process.cpuUsage(before);
    if (user + system < 25_000) return;
  }
}

const activation: Measure<Context> = {
  name: 'activation of the extension, its code loaded',
  unit: 'ms',
  goal: { of: 'value', most: 50 },
  run: async ({ extension }) => {
    await settled();
    if (extension.isActive) throw new Skip('something activated the extension before');
    return withCpuTime(async () => extension.activate());
  },
};

/** What the first command, panel or file of Circuitscope waits for besides. */
const firstUse: Measure<Context> = {
  name: 'first use of the extension: the rest of its code read and its parts made',
  unit: 'ms',
  run: async ({ extension }) => {
    const { exports } = extension;
    return withCpuTime(async () => exports.testing);
  },
};

const lag: Measure<Context> = {
  name: 'event-loop lag of the extension host while 1024 tokens are opened and analyzed, p99',
  unit: 'ms',
  beside: 'the same without work',
  goal: { of: 'value', most: 20 },
  run: async ({ extension }) => {
    const { engine } = (await extension.activate()).testing;
    const folder = await writeGpt2();
    const { p99: besideValue } = await lagDuring(() => sleep(2000));
    const { p99, max } = await lagDuring(async () => {
      const { id } = await engine.request('openCheckpoint', { path: folder, providers: ['cpu'] });
      const analysis = await engine.request('analyze', { checkpointId: id, ids: idsOf(1024), topK: 5 });
      const { id: analysisId } = analysis;
      await engine.request('thumbnails', { analysisId, weighting: 'pattern', size: 84 });
      const head = { layer: 5, head: 5 };
      await engine.request('pattern', { analysisId, reduction: 'one', weighting: 'pattern', head });
      await engine.request('closeCheckpoint', { checkpointId: id });
    });
    return { value: p99, besideValue, note: `largest ${max.toFixed(0)} ms` };
  },
};

/** VS Code calls this. */
export async function run(): Promise<void> {
  await bench<Context>([activation, firstUse, lag], async () => ({
    extension: vscode.extensions.getExtension<ExtensionExports>('circuitscope.circuitscope')!,
  }));
  writeFileSync(process.env['CIRCUITSCOPE_RESULT']!, '{}');
}
