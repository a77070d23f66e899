import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import * as path from 'node:path';
import { startWorkbench, type Workbench } from '../e2e/support/workbench';
import { packageLists } from './lists';

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
  it('has the files that were listed for its platform, and no others', () => {
    const listed = packageLists()[process.env['CIRCUITSCOPE_TARGET'] ?? ''] ?? [];
    // As vsce names them.
    const renamed: Record<string, string> = { 'README.md': 'readme.md', 'CHANGELOG.md': 'changelog.md' };
    const expected = listed.map((file) => renamed[file.path] ?? file.path.replace(/^LICENSE$/, 'LICENSE.txt'));
    assert.deepEqual(
      installedFiles()
        .filter((file) => file !== '.vsixmanifest')
        .sort(),
      expected.sort(),
    );
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
