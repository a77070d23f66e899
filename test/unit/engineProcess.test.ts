import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from 'esbuild';
import { CancellationTokenSource } from 'vscode-jsonrpc/node';
import { EngineCancelledError, EngineClient, EngineGoneError, EngineRequestError } from '../../src/host/engineClient';
import type { EngineExit } from '../../src/host/engineClient';
import { engineEnvironment } from '../../src/host/engineEnvironment';
import type { Log } from '../../src/host/log';
import type { AnalysisInfo } from '../../src/protocol/analysis';
import type { EngineProgress, LogLine } from '../../src/protocol/engine';
import type * as Bundle from '../support/serviceWithoutVscode';

describe('engine process', function () {
  this.timeout(20_000);
  let folder: string;
  let engine: string;
  let client: EngineClient;
  let lines: LogLine[];

  const analyze = (text: string, options = {}): Promise<AnalysisInfo> =>
    client.request('analyze', { checkpointId: 'c', text, topK: 1 }, options);
  const died = (): Promise<EngineExit> => new Promise((resolve) => client.onDidExit(resolve));
  const logged = async (what: RegExp): Promise<LogLine> => {
    for (;;) {
      const line = lines.find(({ message }) => what.test(message));
      if (line) return line;
      await sleep(10);
    }
  };
  const alive = (pid: number): boolean => {
    try {
      process.kill(pid, 0);
      // dead, but not yet reaped by its new parent
      return !(process.platform === 'linux' && readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z '));
    } catch {
      return false;
    }
  };

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'circuitscope-engine-'));
    engine = join(folder, 'fakeEngine.js');
    const entryPoints = ['test/support/fakeEngine.ts', 'test/support/engineHost.ts'];
    await build({ entryPoints, outdir: folder, bundle: true, platform: 'node', target: 'node20', format: 'cjs' });
  });
  after(() => rmSync(folder, { recursive: true }));

  beforeEach(async () => {
    lines = [];
    client = new EngineClient(engine, (line) => lines.push(line));
    const { pid } = await client.start();
    assert.notEqual(pid, process.pid);
    assert.equal(pid, client.pid);
  });
  afterEach(() => client.dispose());

  it('has the environment of the engine', () => {
    if (process.platform !== 'linux') return; // which alone shows it
    const environment = readFileSync(`/proc/${client.pid}/environ`, 'utf8').split('\0');
    assert.ok(environment.includes(`GLIBC_TUNABLES=${engineEnvironment()['GLIBC_TUNABLES']}`));
  });

  it('typed arrays arrive binary, with buffers of their own', async () => {
    const head = { layer: 0, head: 0 };
    const matrix = await client.request('pattern', { analysisId: 'a', reduction: 'one', weighting: 'pattern', head });
    assert.ok(matrix.values instanceof Float32Array && matrix.argHead instanceof Uint16Array);
    assert.equal(matrix.values.length, 1_000_000);
    for (const i of [0, 1, 999_999]) assert.equal(matrix.values[i], Math.fround((1_000_000 + i) / 7));
    assert.equal(matrix.values.buffer.byteLength, 4_000_000);
    assert.deepEqual([...matrix.argHead], [1, 65535, 3]);
    assert.equal(matrix.argHead.buffer.byteLength, 6);
    const { surprisal } = await analyze('fine');
    assert.deepEqual(surprisal, Float32Array.of(NaN, 1.5));
  });

  it('survives a request that throws; the error keeps its code and sentence', async () => {
    const failure = async (text: string): Promise<EngineRequestError> => {
      const error: unknown = await analyze(text).then(
        () => assert.fail('no error'),
        (reason: unknown) => reason,
      );
      assert.ok(error instanceof EngineRequestError);
      return error;
    };
    const bad = await failure('bad input');
    assert.deepEqual([bad.isInput, bad.message], [true, 'x.json: n_layers is "two", a number was expected.']);
    const gone = await failure('gone');
    assert.deepEqual([gone.code, gone.isInput], [2, false]);
    const bug = await failure('bug');
    assert.deepEqual([bug.code, bug.message], [-32603, 'cannot read the moon']);
    assert.match((await logged(/TypeError: cannot read the moon/)).message, /at .*fakeEngine/);
    await analyze('fine');
  });

  it('survives a rejection that nobody awaits', async () => {
    await analyze('stray rejection');
    await logged(/nobody awaits me/);
    await analyze('fine');
  });

  it('reports progress of its own request only', async () => {
    const seen: EngineProgress[] = [];
    const others: EngineProgress[] = [];
    const source = new CancellationTokenSource();
    const running = analyze('hundred steps', {
      token: source.token,
      onProgress: (progress: EngineProgress) => {
        seen.push(progress);
        if (seen.length === 5) source.cancel();
      },
    });
    const other = analyze('fine', { onProgress: (progress: EngineProgress) => others.push(progress) });
    await assert.rejects(running, EngineCancelledError);
    await other;
    assert.deepEqual(seen[3], { message: 'step 3', fraction: 0.03 });
    assert.deepEqual(others, []);
  });

  it('a cancelled request stops at its next step', async () => {
    const source = new CancellationTokenSource();
    const running = analyze('hundred steps', { token: source.token });
    await sleep(300);
    source.cancel();
    await assert.rejects(running, EngineCancelledError);
    await sleep(200);
    const stopped = await analyze('where did it stop').catch((error: Error) => error.message);
    await sleep(200);
    assert.equal(await analyze('where did it stop').catch((error: Error) => error.message), stopped);
    assert.match(String(stopped), /^step \d\d?$/);
    assert.notEqual(stopped, 'step 99');
  });

  it('a cancelled request rejects at once while the engine is in the middle of a step', async () => {
    const source = new CancellationTokenSource();
    const running = analyze('block', { token: source.token });
    await sleep(100);
    source.cancel();
    await assert.rejects(Promise.race([running, sleep(2000)]), EngineCancelledError);
    await assert.rejects(analyze('fine', { token: source.token }), EngineCancelledError);
  });

  describe('after Cancel', () => {
    const stuckMs = 600;
    const cancelled = async (text: string, options = {}): Promise<void> => {
      const source = new CancellationTokenSource();
      const running = analyze(text, { token: source.token, ...options });
      await sleep(50);
      source.cancel();
      await assert.rejects(running, EngineCancelledError);
    };
    beforeEach(async () => {
      client.dispose();
      client = new EngineClient(engine, (line) => lines.push(line), { stuckMs });
      await client.start();
    });

    it('a process that does not react is killed, says so, and can be started again', async () => {
      const exit = died();
      await cancelled('block');
      const other = analyze('fine');
      await assert.rejects(other, /^EngineGoneError: The analysis engine did not stop after Cancel\.$/);
      assert.deepEqual(await exit, { code: null, signal: 'SIGKILL', stderrTail: '', reason: 'stuck' });
      await client.start();
      await analyze('fine');
    });

    it('a process that stops at its next step lives on', async () => {
      const { pid } = client;
      await cancelled('hundred steps');
      await sleep(2 * stuckMs);
      await analyze('fine');
      assert.equal(client.pid, pid);
    });

    it('a process that still works for another request lives on', async () => {
      const { pid } = client;
      const long = analyze('hundred steps');
      await cancelled('after the hundred steps');
      await long;
      assert.equal(client.pid, pid);
    });

    it('a request that blocks only later, when its turn comes, ends the process too', async () => {
      const exit = died();
      // whether it is answered before the process blocks is of no interest
      const long = analyze('hundred steps').catch(() => undefined);
      await cancelled('block after the hundred steps');
      await long;
      assert.equal((await exit).reason, 'stuck');
    });
  });

  it('a process that is killed after Cancel is started again, and the person is told once', async () => {
    const entry = join(folder, 'serviceWithoutVscode.js');
    await build({
      entryPoints: ['test/support/serviceWithoutVscode.ts'],
      outfile: entry,
      bundle: true,
      platform: 'node',
      format: 'cjs',
      alias: { vscode: './test/support/fakeVscode.ts' },
    });
    const { EngineService, shown } = createRequire(entry)(entry) as typeof Bundle;
    const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined } as unknown as Log;
    const service = new EngineService(engine, quiet, { stuckMs: 300 });
    try {
      let restored = 0;
      service.restore = async () => void restored++;
      await service.whenReady();
      const { pid } = service;
      const source = new CancellationTokenSource();
      const params = { checkpointId: 'c', topK: 1 };
      const running = service.request('analyze', { ...params, text: 'block' }, { token: source.token });
      await sleep(100);
      source.cancel();
      await assert.rejects(running, { name: 'EngineCancelledError' });
      await assert.rejects(service.request('analyze', { ...params, text: 'fine' }), { name: 'EngineDiedError' });
      await service.request('analyze', { ...params, text: 'fine' });
      assert.deepEqual(shown, ['The analysis engine did not stop after Cancel and was started again.']);
      assert.equal(restored, 1);
      assert.notEqual(service.pid, pid);
    } finally {
      service.dispose();
    }
  });

  it('another request is answered between the steps of a long one', async () => {
    let finished = false;
    const long = analyze('hundred steps').finally(() => (finished = true));
    await analyze('fine');
    assert.equal(finished, false);
    client.dispose();
    await assert.rejects(long, EngineGoneError);
  });

  it('says why it died, rejects what was in flight, and can be started again', async () => {
    const exit = died();
    const running = analyze('block');
    process.kill(client.pid!, 'SIGKILL');
    // Windows has no signals: who is killed from outside ends with 1
    const windows = process.platform === 'win32';
    const why = windows ? 'exit code 1' : 'killed by SIGKILL';
    await assert.rejects(running, (error: Error) => {
      assert.ok(error instanceof EngineGoneError);
      assert.equal(error.message, `The analysis engine ended (${why}).`);
      return true;
    });
    const ending = windows ? { code: 1, signal: null } : { code: null, signal: 'SIGKILL' };
    assert.deepEqual(await exit, { ...ending, stderrTail: '', reason: 'died' });
    await assert.rejects(analyze('fine'), EngineGoneError);
    await client.start();
    await analyze('fine');
  });

  it('its last words are the reason', async () => {
    const exit = died();
    await assert.rejects(analyze('die talking'), /exit code 3: Error: the last words/);
    const { code, reason, stderrTail } = await exit;
    assert.deepEqual([code, reason, stderrTail], [3, 'died', 'Error: the last words\n']);
  });

  it('dispose ends it also during a run, as expected', async () => {
    const exit = died();
    const pid = client.pid!;
    const running = analyze('block');
    await sleep(100);
    client.dispose();
    await assert.rejects(running, EngineGoneError);
    assert.equal((await exit).reason, 'disposed');
    assert.equal(alive(pid), false);
  });

  it('a process that does not start says why', async () => {
    process.env.FAKE_ENGINE = 'broken';
    const broken = new EngineClient(engine, () => undefined);
    const missing = new EngineClient(join(folder, 'no-such-engine.js'), () => undefined);
    try {
      await assert.rejects(
        broken.start(),
        /^EngineGoneError: The analysis engine did not start: .*libfake\.so cannot be opened/,
      );
      await assert.rejects(missing.start(), /did not start: .*Cannot find module .*no-such-engine\.js/);
    } finally {
      delete process.env.FAKE_ENGINE;
    }
  });

  for (const state of ['idle', 'block']) {
    it(`ends when its host dies by SIGKILL (${state})`, async () => {
      const host = spawn(process.execPath, [join(folder, 'engineHost.js'), engine, state]);
      const [output] = (await once(host.stdout, 'data')) as [Buffer];
      const pid = Number(output.toString());
      assert.ok(alive(pid));
      host.kill('SIGKILL');
      // else mocha's limit ends this
      while (alive(pid)) await sleep(50);
    });
  }
});
