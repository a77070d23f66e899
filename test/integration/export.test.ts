import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import * as vscode from 'vscode';
import type { ExtensionParts } from '../../src/extension';
import { readTensors } from '../unit/support/files';
import { closeEverything, eventually, openTotal, parts, referencePattern, run, sample } from './support';

const inductionHead = { layer: 1, head: 5 };

describe('exporting a pattern', () => {
  let p: ExtensionParts;
  const folder = mkdtempSync(path.join(tmpdir(), 'circuitscope-export-'));
  const { showQuickPick, showSaveDialog } = vscode.window;

  /** Runs Export Pattern… as a person who chooses this format and this file. */
  async function exportAs(label: string, name: string): Promise<string> {
    const file = path.join(folder, name);
    Object.assign(vscode.window, {
      showQuickPick: (items: { label: string }[]) => Promise.resolve(items.find((item) => item.label === label)),
      showSaveDialog: () => Promise.resolve(vscode.Uri.file(file)),
    });
    await run('exportPattern');
    await eventually(`file ${name}`, () => (existsSync(file) ? true : undefined));
    return file;
  }

  before(async () => {
    p = await parts();
    await p.checkpoints.open(sample('attn-only-2l'));
    await openTotal();
    await run('analyzeSelection');
    p.selection.apply({ kind: 'chooseHead', head: inductionHead }, 'test');
  });
  after(async () => {
    Object.assign(vscode.window, { showQuickPick, showSaveDialog });
    rmSync(folder, { recursive: true, force: true });
    await closeEverything();
  });

  it('as CSV: a row a destination, a column a source', async () => {
    const lines = readFileSync(await exportAs('CSV', 'pattern.csv'), 'utf8').trimEnd();
    const expected = referencePattern('attn-only-2l', 0, inductionHead);
    // tokens with line feeds are quoted over several lines, so rows are told apart by their numbers
    const rows = [...lines.matchAll(/(?<=^|\n)"(\d+) [^"]*"((?:,[-\d.e]+){42})(?=\n|$)/g)];
    assert.deepEqual(
      rows.map((row) => Number(row[1])),
      [...Array(42).keys()],
    );
    rows.forEach((row, dst) =>
      row[2]!
        .slice(1)
        .split(',')
        .forEach((value, src) =>
          assert.ok(Math.abs(Number(value) - expected[dst * 42 + src]!) < 1e-4, `${dst}, ${src}: ${value}`),
        ),
    );
  });

  it('as safetensors', async () => {
    const tensors = readTensors(await exportAs('safetensors', 'pattern.safetensors'));
    const [[name, { shape, data }]] = Object.entries(tensors) as [[string, { shape: number[]; data: Float64Array }]];
    assert.match(name, /^blocks\.1\.attn\.hook_pattern/);
    assert.deepEqual(shape, [1, 42, 42]);
    const expected = referencePattern('attn-only-2l', 0, inductionHead);
    data.forEach((value, i) => assert.ok(Math.abs(value - expected[i]!) < 1e-4));
  });

  it('as PNG, drawn by the panel', async () => {
    const png = readFileSync(await exportAs('PNG', 'pattern.png'));
    assert.equal(png.subarray(0, 8).toString('latin1'), '\x89PNG\r\n\x1a\n');
    assert.ok(png.readUInt32BE(16) > 400, 'width');
  });

  it('for CircuitsVis', async () => {
    const vis = JSON.parse(readFileSync(await exportAs('CircuitsVis', 'pattern.json'), 'utf8')) as {
      tokens: string[];
      attention: number[][][];
      attention_head_names: string[];
    };
    assert.deepEqual([vis.tokens.length, vis.attention_head_names], [42, ['L1H5']]);
    const expected = referencePattern('attn-only-2l', 0, inductionHead);
    vis.attention.flat(2).forEach((value, i) => assert.ok(Math.abs(value - expected[i]!) < 1e-4));
  });

  it('as Python, to the clipboard', async () => {
    await vscode.env.clipboard.writeText('');
    Object.assign(vscode.window, {
      showQuickPick: (items: { label: string }[]) =>
        Promise.resolve(items.find(({ label }) => label === 'Copy as TransformerLens Code')),
    });
    await run('exportPattern');
    assert.match(await vscode.env.clipboard.readText(), /pattern = weights\(1\)\[5\]/);
  });

  it('and any hooks of the text, with the prompt', async () => {
    const file = path.join(folder, 'activations.safetensors');
    const hooks = ['hook_embed', 'blocks.1.attn.hook_pattern'];
    Object.assign(vscode.window, {
      showQuickPick: (items: string[]) => Promise.resolve(items.filter((item) => hooks.includes(item))),
      showSaveDialog: () => Promise.resolve(vscode.Uri.file(file)),
    });
    await run('exportActivations');
    const tensors = readTensors(file);
    assert.deepEqual(Object.keys(tensors).sort(), [...hooks].sort());
    assert.deepEqual(tensors.hook_embed!.shape, [42, 256]);
    assert.ok(readFileSync(file, 'latin1').includes('"prompt":"'));
  });

  it('leaves nothing else behind', () => {
    const files = ['activations.safetensors', 'pattern.csv', 'pattern.json', 'pattern.png', 'pattern.safetensors'];
    assert.deepEqual(readdirSync(folder).sort(), files);
  });
});
