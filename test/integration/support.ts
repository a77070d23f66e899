import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import * as vscode from 'vscode';
import type { ExtensionExports, ExtensionParts } from '../../src/extension';
import type { CircuitscopeApi } from '../../src/protocol/api';
import type { HeadRef } from '../../src/protocol/checkpoint';
import { readTensors } from '../unit/support/files';

const ID = 'circuitscope.circuitscope';

export const parts = async (): Promise<ExtensionParts> =>
  (await vscode.extensions.getExtension<ExtensionExports>(ID)!.activate()).testing;

/** As another extension gets it. */
export const api = (): Thenable<CircuitscopeApi> => vscode.extensions.getExtension<CircuitscopeApi>(ID)!.activate();

export const extensionPath = (...file: string[]): string =>
  path.join(vscode.extensions.getExtension(ID)!.extensionPath, ...file);

export const sample = (name: string): string => extensionPath('samples', name);

interface Reference {
  prompts: { text: string; ids: number[]; next_token_top5: [number, number][] }[];
}
export const reference = (model: string): Reference =>
  JSON.parse(readFileSync(extensionPath('test/fixtures/reference', model, 'reference.json'), 'utf8')) as Reference;

/** A head's float64 pattern on a prompt of the reference. `[dst, src]` */
export function referencePattern(model: string, prompt: number, { layer, head }: HeadRef): Float64Array {
  const tensors = readTensors(extensionPath('test/fixtures/reference', model, 'reference.safetensors'));
  const { shape, data } = tensors[`prompt.${prompt}.blocks.${layer}.attn.hook_pattern`]!;
  const size = shape[1]! * shape[2]!;
  return data.subarray(head * size, (head + 1) * size);
}

/** Opens src/total.ts of the workspace and selects lines 4–9 with the line feed at their end: prompt 0 of the reference. */
export async function openTotal(): Promise<vscode.TextEditor> {
  const folder = vscode.workspace.workspaceFolders![0]!;
  const document = await vscode.workspace.openTextDocument(vscode.Uri.joinPath(folder.uri, 'src', 'total.ts'));
  const editor = await vscode.window.showTextDocument(document, vscode.ViewColumn.One);
  editor.selection = new vscode.Selection(3, 0, 9, 0);
  assert.equal(document.getText(editor.selection), reference('attn-only-2l').prompts[0]!.text);
  return editor;
}

export const run = (command: string, ...args: unknown[]): Thenable<unknown> =>
  vscode.commands.executeCommand(`circuitscope.${command}`, ...args);

export async function closeEverything(): Promise<void> {
  const { checkpoints } = await parts();
  for (const checkpoint of [...checkpoints.all]) await checkpoints.close(checkpoint);
  await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
  await vscode.commands.executeCommand('workbench.action.closeAllEditors');
}

/** Waits until `ask` gives something. */
export async function eventually<T>(
  what: string,
  ask: () => T | undefined | Promise<T | undefined>,
  ms = 40_000,
): Promise<T> {
  for (const end = Date.now() + ms; ;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > end) throw new Error(`there was no ${what} within ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

/** Collects what the extension tells the person as errors while `work` runs. */
export async function errorsDuring(work: (messages: string[]) => Promise<void>): Promise<string[]> {
  const messages: string[] = [];
  const { window } = vscode;
  const original = window.showErrorMessage;
  const replacement = (message: string): Promise<undefined> => {
    messages.push(message);
    return Promise.resolve(undefined);
  };
  Object.assign(window, { showErrorMessage: replacement });
  try {
    await work(messages);
  } finally {
    Object.assign(window, { showErrorMessage: original });
  }
  return messages;
}

/** Answers what VS Code asks the person while `work` runs; gives what was asked. */
export async function answering(
  method: 'showInputBox' | 'showOpenDialog' | 'showSaveDialog' | 'showWarningMessage',
  answers: unknown[],
  work: () => PromiseLike<unknown>,
): Promise<unknown[]> {
  const original = vscode.window[method];
  const asked: unknown[] = [];
  const answer = (question: unknown): Promise<unknown> => Promise.resolve(answers[asked.push(question) - 1]);
  Object.assign(vscode.window, { [method]: answer });
  try {
    await work();
  } finally {
    Object.assign(vscode.window, { [method]: original });
  }
  return asked;
}
