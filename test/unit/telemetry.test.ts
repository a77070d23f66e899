import assert from 'node:assert/strict';
import { execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, SAMPLES, tempFolder } from './support/files';

const DIST = join(ROOT, 'dist');

/** Of a person's machine, with an empty home: ONNX Runtime's telemetry is silent where it sees signs of a CI or a test. */
function environment(home: string): NodeJS.ProcessEnv {
  const { PATH, SystemRoot } = process.env;
  return { PATH, SystemRoot, HOME: home, USERPROFILE: home, LOCALAPPDATA: home, APPDATA: home };
}

const filesIn = (home: string): string[] => readdirSync(home, { recursive: true }).map(String);

describe('telemetry: ONNX Runtime’s own is off, and leaves no identifier of the person', () => {
  it('in the command line', async () => {
    const home = tempFolder();
    const args = [join(DIST, 'cli.js'), 'run', join(SAMPLES, 'stories260K'), '--ids', '1,2', '--provider', 'cpu'];
    const child = execFile(process.execPath, args, { env: environment(home) });
    assert.deepEqual(await once(child, 'close'), [0, null]);
    assert.deepEqual(filesIn(home), []);
  });

  it('in the process that tries providers', async () => {
    const home = tempFolder();
    const child = fork(join(DIST, 'probe.js'), ['cpu'], { env: environment(home), silent: true });
    const [answer] = (await once(child, 'message')) as [object];
    assert.ok('ms' in answer, JSON.stringify(answer));
    await once(child, 'close');
    assert.deepEqual(filesIn(home), []);
  });

  it('before ONNX Runtime is loaded, in each program that loads it', () => {
    for (const name of ['cli.js', 'engine.js', 'probe.js']) {
      const source = readFileSync(join(DIST, name), 'utf8');
      const off = source.indexOf("process.env.ORT_DISABLE_TELEMETRY = '1';");
      assert.ok(off >= 0 && off < source.search(/require\(["']onnxruntime-node["']\)/), name);
    }
  });
});
