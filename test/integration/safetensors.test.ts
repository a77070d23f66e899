import assert from 'node:assert/strict';
import { mkdtempSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import * as vscode from 'vscode';
import { SAFETENSORS_VIEW } from '../../src/host/names';
import type { SafetensorsPage } from '../../src/host/safetensorsPage';
import type { ShownFile } from '../../src/protocol/safetensorsEditor';
import { safetensorsBytes, writeTensors } from '../unit/support/files';
import { closeEverything, eventually, parts, sample } from './support';

const tabs = (): vscode.TabInputCustom[] =>
  vscode.window.tabGroups.all
    .flatMap((group) => group.tabs)
    .map(({ input }) => input)
    .filter((input) => input instanceof vscode.TabInputCustom);

describe('the editor of .safetensors files', () => {
  const folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'circuitscope-')));
  const file = path.join(folder, 'written.safetensors');
  /** What is shown, once it is as the test says. */
  const shows = async (what: string, is: (file: ShownFile) => boolean): Promise<SafetensorsPage> => {
    const { pages } = (await parts()).safetensors;
    return eventually(what, () => [...pages].find(({ file: now }) => now.kind === 'ready' && is(now.value)));
  };

  afterEach(closeEverything);
  after(() => rmSync(folder, { recursive: true }));

  it('opens by itself, also beside another of the same file', async () => {
    const uri = vscode.Uri.file(path.join(sample('attn-only-2l'), 'model.safetensors'));
    await vscode.commands.executeCommand('vscode.open', uri);
    const page = await shows('list of tensors', ({ tensors }) => tensors.some(({ name }) => name === 'embed.W_E'));
    assert.ok(page.file.kind === 'ready' && page.file.value.hasConfig);
    await eventually('script of the page', () => page.isListening || undefined);
    const [tab] = tabs();
    assert.deepEqual([tab?.viewType, tab?.uri.fsPath], [SAFETENSORS_VIEW, uri.fsPath]);
    await vscode.commands.executeCommand('vscode.openWith', uri, SAFETENSORS_VIEW, vscode.ViewColumn.Two);
    const { pages } = (await parts()).safetensors;
    await eventually('second editor', () => (pages.size === 2 ? true : undefined));
    await closeEverything();
    await eventually('end of both', () => (pages.size === 0 ? true : undefined));
  });

  it('follows the file, and says what is wrong with it', async () => {
    writeTensors(file, { first: { shape: [2], data: [1, 2] } });
    await vscode.commands.executeCommand('vscode.openWith', vscode.Uri.file(file), SAFETENSORS_VIEW);
    const page = await shows('the tensor', ({ tensors }) => tensors[0]?.name === 'first');
    // as writers do: another file in its place
    writeTensors(`${file}.tmp`, { second: { shape: [3], data: [1, 2, 3] } });
    renameSync(`${file}.tmp`, file);
    await shows('the other tensor', ({ tensors }) => tensors[0]?.name === 'second');
    writeFileSync(file, safetensorsBytes('{"a":1}').subarray(0, 12));
    const wrong = await eventually('error', () => (page.file.kind === 'error' ? page.file.message : undefined));
    assert.equal(wrong, `${file} is truncated: its header is 7 bytes long, but only 4 bytes follow the length.`);
  });
});
