import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import * as path from 'node:path';
import { startWorkbench, type Workbench } from '../e2e/support/workbench';

/** Files of the installed package, relative to it, with forward slashes. */
function installedFiles(): string[] {
  const extensions = process.env['CIRCUITSCOPE_EXTENSIONS'] ?? '';
  const name = readdirSync(extensions).find((entry) => entry.startsWith('circuitscope.circuitscope-'));
  assert.ok(name, 'the extension is installed');
  return readdirSync(path.join(extensions, name), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(path.join(extensions, name), path.join(entry.parentPath, entry.name)))
    .map((file) => file.replaceAll(path.sep, '/'));
}

describe('the installed .vsix', () => {
  const target = (process.env['CIRCUITSCOPE_TARGET'] ?? '').replace('-', '/');

  it('carries the native runtime of its platform and of no other', () => {
    const natives = installedFiles().filter((file) => file.startsWith('node_modules/onnxruntime-node/bin/'));
    assert.ok(natives.some((file) => file.endsWith(`${target}/onnxruntime_binding.node`)));
    assert.deepEqual(
      natives.filter((file) => !file.includes(`/${target}/`)),
      [],
    );
  });

  it('carries what runs and nothing of what it is made from', () => {
    const top = new Set(installedFiles().map((file) => file.split('/')[0]));
    for (const name of ['.vsixmanifest', 'license.txt', 'LICENSE.txt', 'readme.md', 'changelog.md']) top.delete(name);
    assert.deepEqual([...top].sort(), ['dist', 'media', 'node_modules', 'package.json', 'samples']);
    const packages = installedFiles().filter((file) => file.startsWith('node_modules/'));
    assert.deepEqual(
      new Set(packages.map((file) => file.split('/')[1])),
      new Set(['onnxruntime-common', 'onnxruntime-node']),
    );
    assert.deepEqual(
      installedFiles().filter((file) => /\.(map|ts)$/.test(file) && !file.startsWith('samples/')),
      [],
    );
    for (const file of ['extension.js', 'engine.js', 'probe.js', 'cli.js', 'webview/attention.js'])
      assert.ok(installedFiles().includes(`dist/${file}`), file);
  });

  describe('in a VS Code that has nothing else', () => {
    let workbench: Workbench;
    before(async () => {
      assert.ok(!existsSync(path.join(process.env['CIRCUITSCOPE_WORKSPACE'] ?? '', 'node_modules')));
      workbench = await startWorkbench();
    });
    after(() => workbench?.close());

    it('analyzes a selection', async () => {
      await workbench.openFile('total.ts');
      await workbench.selectLines(4, 9);
      await workbench.palette('Circuitscope: Analyze Selection');
      const panel = await workbench.panelFrame();
      await panel.locator('canvas.heat-base[data-cell]').waitFor();
      await workbench.shot('package');
    });
  });
});
