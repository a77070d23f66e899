/** What the host says without asking `vscode.l10n` (it shares it with the panels and the engine) is in VS Code's language, too. */
import { build } from 'esbuild';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type * as Bundle from '../support/hostInChinese';
import { ROOT, tempFolder } from './support/files';

const table = JSON.parse(readFileSync(join(ROOT, 'l10n/bundle.l10n.zh-cn.json'), 'utf8')) as Record<string, string>;
const said = (english: string, ...values: unknown[]): string => {
  assert.match(table[english] ?? '', /\p{Script=Han}/u, english);
  return table[english]!.replace(/\{(\d)\}/g, (_, at: string) => String(values[Number(at)]));
};

describe('language of the host', function () {
  this.timeout(20_000);
  let folder: string;
  let host: typeof Bundle;

  before(async () => {
    folder = tempFolder();
    await build({
      entryPoints: [join(ROOT, 'test/support/hostInChinese.ts'), join(ROOT, 'test/support/fakeEngine.ts')],
      outdir: folder,
      bundle: true,
      platform: 'node',
      target: 'node20',
      format: 'cjs',
      alias: { vscode: join(ROOT, 'test/support/fakeVscode.ts') },
    });
    host = createRequire(join(folder, 'x.js'))('./hostInChinese.js') as typeof Bundle;
  });

  it('is that of sentences about saved results', () => {
    assert.deepEqual(host.readResult('{}', 'a.json'), {
      error: said('{0}: it is no result of Circuitscope: “format” is not “{1}”.', 'a.json', 'circuitscope-result'),
    });
    const broken = '{"format": "circuitscope-result", "formatVersion": 2}';
    const older = said('{0} (a newer Circuitscope may have written it)', 1);
    assert.deepEqual(host.readResult(broken, 'a.json'), {
      error: said('{0}: {1} is {2}, {3} was expected.', 'a.json', 'formatVersion', 2, older),
    });
    const [saved, now] = [
      { name: 'm', path: '.', weights: '1', config: '3' },
      { name: 'm', weights: '2', config: '4' },
    ];
    for (const what of ['checkpoint', 'autoencoder'] as const)
      assert.deepEqual(host.fileChanges(saved, now, what), [
        said(`The weights of the ${what} {0} are others than those that were saved.`, 'm'),
        said(`The configuration of the ${what} {0} is another than the one that was saved.`, 'm'),
      ]);
  });

  it('is that of steps and layers', () => {
    const step = said('step {0}', '1,000');
    const place = '{0}, {1} of {2}/A step, its place among all';
    assert.equal(host.stepWords({ steps: [{ step: 1000, name: 'a' }], current: 0 }, 0), said(place, step, 1, 1));
    assert.equal(host.layersText([0, 1, 3], [1, 1, 1]), said('layers {0}', '0–1, 3'));
    assert.equal(host.layersText([2], [1]), said('layer {0}', '2'));
    assert.equal(host.layersText([2], [0]), said('not active'));
  });

  describe('of the engine’s process', () => {
    const rejection = (asked: Promise<unknown>): Promise<string> =>
      asked.then(
        () => 'answered',
        (error: Error) => error.message,
      );
    const client = (file = 'fakeEngine.js', stuckMs = 10_000): Bundle.EngineClient =>
      new host.EngineClient(join(folder, file), () => undefined, { stuckMs });
    const ask = { checkpointId: 'c', topK: 1 };

    it('says that it does not run, did not start, was stopped', async () => {
      const running = client();
      assert.equal(await rejection(running.request('version', null)), said('The analysis engine is not running.'));
      await running.start();
      const blocked = rejection(running.request('analyze', { ...ask, text: 'block' }));
      running.dispose();
      assert.equal(await blocked, said('The analysis engine was stopped.'));
      const [start, why] = said('The analysis engine did not start: {0}', '|').split('|');
      const message = await rejection(client('none.js').start());
      assert.ok(message.startsWith(start!) && message.endsWith(why!) && message.includes('none.js'), message);
      assert.ok(message.includes(said('The analysis engine ended ({0}).', '|').split('|')[0]!), message);
    });

    it('says why it ended', async () => {
      const running = client();
      await running.start();
      const why = said('exit code {0}: {1}', 3, 'Error: the last words');
      assert.equal(
        await rejection(running.request('analyze', { ...ask, text: 'die talking' })),
        said('The analysis engine ended ({0}).', why),
      );
    });

    it('says that it did not stop after Cancel', async () => {
      const running = client(undefined, 300);
      await running.start();
      const listeners: (() => void)[] = [];
      const token = {
        isCancellationRequested: false,
        onCancellationRequested: (listener: () => void) => (listeners.push(listener), { dispose: () => undefined }),
      };
      const cancelled = rejection(running.request('analyze', { ...ask, text: 'block' }, { token: token as never }));
      listeners.forEach((listener) => listener());
      assert.equal(await cancelled, said('Cancelled.'));
      const other = await rejection(running.request('analyze', { ...ask, text: 'fine' }));
      assert.equal(other, said('The analysis engine did not stop after Cancel.'));
    });
  });
});
