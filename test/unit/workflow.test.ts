import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './support/files';

const read = (...names: string[]): string => readFileSync(join(ROOT, ...names), 'utf8');
const all = (text: string, what: RegExp): string[] => [...text.matchAll(what)].map((match) => match[1]!);

describe('the workflow of the hosted CI', () => {
  const workflow = read('.github', 'workflows', 'test.yml');
  const { scripts, engines } = JSON.parse(read('package.json')) as {
    scripts: Record<string, string>;
    engines: { node: string };
  };

  it('runs scripts of package.json, with options that they know', () => {
    const commands = all(workflow, /^ +(?:- )?run: (.+)$/gm);
    assert.ok(commands.length >= 3, commands.join('\n'));
    for (const command of commands) {
      const [, name, options = ''] =
        /^(?:xvfb-run --auto-servernum )?npm (?:run )?(\w+)(?: -- (.*))?$/.exec(command) ?? [];
      const script = scripts[name ?? ''];
      assert.ok(script, `${command}: a script of package.json`);
      const source = read(script.replace(/^node /, ''));
      for (const option of all(options, /--(\w+)/g))
        assert.match(source, new RegExp(`\\b${option}: \\{ type:`), `${command}: --${option}`);
    }
  });

  it('uses a Node and kinds of VS Code that there are', () => {
    const least = Number(/^>=(\d+)/.exec(engines.node)![1]);
    const versions = all(workflow, /node-version: (\d+)/g);
    assert.equal(versions.length, all(workflow, /(setup-node)@/g).length);
    for (const version of versions) assert.ok(Number(version) >= least, version);
    const [name, ...more] = all(workflow, /^ +(\w+): \$\{\{ matrix\.vscode \}\}$/gm);
    assert.match(read('test', 'harness', 'vscode.mjs'), new RegExp(`process\\.env\\.${name}\\b`));
    assert.deepEqual(more, []);
    const kinds = new Set(all(read('test', 'harness', 'vscode.mjs'), /wanted === '(\w+)'/g));
    const asked = all(workflow, /vscode: (\w+) \}/g);
    assert.deepEqual(new Set(asked), kinds);
  });

  it('tests on every system, then packs, and keeps what was made', () => {
    assert.deepEqual(all(workflow, /^ +if: runner\.os (.+)$/gm), ["== 'Linux'", "!= 'Linux'"]);
    const jobs = all(workflow, /^ {2}(\w+):$/gm);
    for (const job of all(workflow, /needs: (\w+)/g)) assert.ok(jobs.includes(job), job);
    const [packages] = all(workflow, /run package -- --out (\S+)/g);
    assert.deepEqual(all(workflow, /^ +path: ([^|\s]+)$/gm), ['test/e2e/shots', `${packages}/*.vsix`]);
    for (const file of ['panel/page.ts', 'support/workbench.ts'])
      assert.match(read('test', 'e2e', ...file.split('/')), /'test', 'e2e', 'shots'/);
  });

  it('keeps the folders that the harness fills, by files that there are', () => {
    const folders: [RegExp, string][] = [
      [/'\.cache'/, '~/.cache/circuitscope'],
      [/'Library', 'Caches'/, '~/Library/Caches/circuitscope'],
      [/'AppData', 'Local'/, '~/AppData/Local/circuitscope'],
    ];
    const common = read('test', 'harness', 'common.mjs');
    for (const [inHarness, cached] of folders) {
      assert.match(common, inHarness);
      assert.ok(workflow.includes(`${cached}\n`), cached);
    }
    const hashed = all(workflow, /hashFiles\(([^)]+)\)/g).flatMap((files) => all(files, /'([^']+)'/g));
    assert.ok(hashed.length > 0);
    for (const file of hashed) assert.ok(existsSync(join(ROOT, file)), file);
  });
});
