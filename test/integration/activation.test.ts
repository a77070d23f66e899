import assert from 'node:assert/strict';
import * as path from 'node:path';
import * as vscode from 'vscode';
import type { ExtensionExports } from '../../src/extension';
import type { Manifest } from '../../src/host/lazy';
import { extensionPath, parts } from './support';

const extension = (): vscode.Extension<ExtensionExports> =>
  vscode.extensions.getExtension<ExtensionExports>('circuitscope.circuitscope')!;

/** Files of the extension that this process has read. */
const read = (): string[] =>
  Object.keys(require.cache)
    .filter((file) => path.dirname(file) === extensionPath('dist'))
    .map((file) => path.basename(file))
    .sort();

// first in the alphabet: nothing has used the extension yet
describe('activation', () => {
  it('reads what VS Code must be told, and the rest when it is used', async () => {
    const exports = await extension().activate();
    assert.equal(exports.version, 1);
    assert.equal(exports.activeCheckpoint, undefined);
    assert.deepEqual(read(), ['extension.js']);
    await vscode.commands.executeCommand('circuitscope.rerun');
    assert.deepEqual(read(), ['extension.js', 'features.js']);
  });

  it('has the code of all that package.json contributes', async () => {
    const { features } = await parts();
    const { activationEvents, contributes } = extension().packageJSON as Manifest;
    const views = Object.values(contributes.views).flat();
    const ids = (pages: boolean): string[] =>
      views.filter(({ type }) => (type === 'webview') === pages).map(({ id }) => id);
    const panels = activationEvents.flatMap((event) => /^onWebviewPanel:(.+)/.exec(event)?.[1] ?? []);
    assert.ok(panels.length > 0);
    const sorted = (names: Iterable<string>): string[] => [...names].sort();
    assert.deepEqual(sorted(Object.keys(features.trees)), sorted(ids(false)));
    assert.deepEqual(sorted(Object.keys(features.pages)), sorted(ids(true)));
    assert.deepEqual(sorted(Object.keys(features.serializers)), sorted(panels));
    const commands = contributes.commands.map(({ command }) => command);
    assert.deepEqual(sorted(Object.keys(features.commands)), sorted(commands));
    const known = new Set(await vscode.commands.getCommands(true));
    const lacking = commands.filter((id) => !known.has(id));
    assert.deepEqual(lacking, []);
  });
});
