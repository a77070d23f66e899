import assert from 'node:assert/strict';
import * as path from 'node:path';
import { ESLint } from 'eslint';

/** Imports that DESIGN.md's "The house" forbids, by the file that would hold them. */
const FORBIDDEN: [file: string, imported: string][] = [
  ['src/protocol/x.ts', 'vscode'],
  ['src/protocol/x.ts', '../engine/serial'],
  ['src/protocol/x.ts', '../engine/graph/builder'],
  ['src/protocol/x.ts', '../host/selection'],
  ['src/protocol/x.ts', '../../webview/shared/theme'],
  ['src/engine/x.ts', 'vscode'],
  ['src/engine/x.ts', '../host/selection'],
  ['src/engine/graph/x.ts', '../../host/selection'],
  ['src/engine/graph/x.ts', '../../../webview/shared/theme'],
  ['src/engine/cli/x.ts', 'vscode'],
  ['src/host/x.ts', '../engine/main'],
  ['src/host/x.ts', '../engine/graph/builder'],
  ['src/host/views/x.ts', '../../engine/service'],
  ['src/host/x.ts', '../../webview/shared/theme'],
  ['webview/attention/x.tsx', '../../src/engine/serial'],
  ['webview/attention/x.tsx', '../../src/engine/circuits/pattern'],
  ['webview/attention/x.tsx', '../../src/host/selection'],
  ['webview/shared/x.ts', '../../src/extension'],
  ['webview/attention/x.tsx', 'vscode'],
  ['webview/attention/x.tsx', 'node:fs'],
];

/** Imports that are how the parts meet. */
const ALLOWED: [file: string, imported: string][] = [
  ['src/engine/x.ts', '../protocol/engine'],
  ['src/engine/graph/x.ts', '../checkpoint/checkpoint'],
  ['src/host/x.ts', '../protocol/engine'],
  ['src/host/x.ts', './engineClient'],
  ['src/host/x.ts', 'vscode'],
  ['webview/attention/x.tsx', '../../src/protocol/analysis'],
  ['webview/attention/x.tsx', '../shared/theme'],
  ['src/extension.ts', './host/selection'],
];

describe('the walls of the house', function () {
  this.timeout(30_000);
  const root = path.resolve(__dirname, '..', '..');
  const eslint = new ESLint({ cwd: root });
  const isRefused = async ([file, imported]: [string, string]): Promise<boolean> => {
    const [result] = await eslint.lintText(`import { x } from '${imported}';\nx();\n`, {
      filePath: path.join(root, file),
    });
    assert.equal(result?.fatalErrorCount, 0);
    return result.messages.some(({ ruleId }) => ruleId === 'no-restricted-imports');
  };

  for (const [file, imported] of FORBIDDEN)
    it(`${file} may not import ${imported}`, async () => assert.equal(await isRefused([file, imported]), true));
  for (const [file, imported] of ALLOWED)
    it(`${file} may import ${imported}`, async () => assert.equal(await isRefused([file, imported]), false));
});
