import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { closeEverything, parts, run, sample } from './support';

describe('a report of an issue', () => {
  after(closeEverything);

  it('is a new document with questions and facts, without names and places of files', async () => {
    const { checkpoints, engine, latents } = await parts();
    const checkpoint = await checkpoints.open(sample('neox-6l'));
    await latents.open(checkpoint!, sample('mlsae-neox-6l-x16-k16'));
    await run('writeIssueReport');
    const { document } = vscode.window.activeTextEditor!;
    assert.deepEqual([document.isUntitled, document.languageId], [true, 'markdown']);
    const text = document.getText();
    const { version } = vscode.extensions.getExtension('circuitscope.circuitscope')!.packageJSON as { version: string };
    const { onnxruntime } = await engine.request('version', null);
    for (const line of [
      `circuitscope: ${version}`,
      `editor: ${vscode.env.appName} ${vscode.version}, en`,
      `system: ${process.platform} ${process.arch}, `,
      `onnxruntime: ${onnxruntime} with `,
      'checkpoint: gpt_neox, 6 layers, ',
      `  runs on ${checkpoint!.provider}`,
      'autoencoder: mlsae, ',
    ])
      assert.ok(text.includes(`\n${line}`), `${line} is not in\n${text}`);
    for (const question of ['What did you do?', 'What did you expect?', 'What came instead?'])
      assert.ok(text.includes(`\n**${question}**\n`), question);
    for (const folder of [checkpoint!.path, checkpoint!.name, latents.all[0]!.path])
      assert.ok(!text.includes(folder), `${folder} is in\n${text}`);
  });
});
