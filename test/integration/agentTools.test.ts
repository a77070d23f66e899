import assert from 'node:assert/strict';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import * as vscode from 'vscode';
import type { ExtensionParts } from '../../src/extension';
import { AgentTool } from '../../src/host/agentTools';
import { mcpDefinitions } from '../../src/host/mcpServer';
import { closeEverything, extensionPath, parts, reference, referencePattern, sample } from './support';

const HEAD = { layer: 1, head: 5 };
const SAE = 'mlsae-neox-6l-x16-k16';

interface Attention {
  checkpoint: string;
  rows: { destination: number; sources: { source: number; weight: number }[] }[];
}

describe('language model tools', () => {
  let p: ExtensionParts;
  const { text, ids } = reference('attn-only-2l').prompts[0]!;
  const token = new vscode.CancellationTokenSource().token;
  /** Without the editor between. */
  const tool = (name: string): AgentTool => new AgentTool(name, () => p);

  const json = <T>({ content }: vscode.LanguageModelToolResult): T => {
    assert.equal(content.length, 1);
    return JSON.parse((content[0] as vscode.LanguageModelTextPart).value) as T;
  };
  const invoke = async <T>(name: string, input: object): Promise<T> =>
    json(await vscode.lm.invokeTool(`circuitscope_${name}`, { input, toolInvocationToken: undefined }));
  /** Of what `attention` gave: every weight is the float64 reference's. */
  const checkPattern = ({ rows }: Attention): void => {
    const pattern = referencePattern('attn-only-2l', 0, HEAD);
    assert.equal(rows.length, 24);
    for (const { destination, sources } of rows)
      for (const { source, weight } of sources) {
        const expected = pattern[destination * ids.length + source]!;
        // 4 digits and float32
        assert.ok(Math.abs(weight - expected) <= 5.001e-4 * expected + 1e-5, `${destination}, ${source}: ${weight}`);
      }
  };

  before(async () => {
    p = await parts();
    await p.checkpoints.open(sample('attn-only-2l'));
  });
  after(closeEverything);

  it('are those of package.json', () => {
    const { languageModelTools } = vscode.extensions.getExtension('circuitscope.circuitscope')!.packageJSON
      .contributes as { languageModelTools: { name: string; modelDescription: string; inputSchema: object }[] };
    assert.equal(languageModelTools.length, 8);
    for (const { name, modelDescription, inputSchema } of languageModelTools) {
      const found = vscode.lm.tools.find((each) => each.name === name);
      assert.deepEqual([found?.description, found?.inputSchema], [modelDescription, inputSchema]);
    }
  });

  it('give the numbers of the reference on the checkpoint in use, without a question', async () => {
    const got = await invoke<Attention>('attention', { head: 'L1H5', text, top: 20 });
    assert.equal(got.checkpoint, 'attn-only-2l');
    checkPattern(got);
    const { heads } = await invoke<{ heads: { head: string }[] }>('head_scores', { top: 1 });
    assert.equal(heads[0]!.head, 'L1H5');
  });

  it('tell a mistake in one sentence', async () => {
    await assert.rejects(Promise.resolve(invoke('attention', { head: 'L7H7', text })), /There is no head L7H7 in attn-only-2l: expected L0H0 to L1H7\./); // prettier-ignore
    await assert.rejects(Promise.resolve(invoke('latents', { text })), /No sparse autoencoder is open beside/);
  });

  it('ask before files are read, with path and size', async () => {
    const input = { checkpoint: sample('neox-6l'), mlsae: sample(SAE) };
    const prepared = await tool('open_checkpoint').prepareInvocation({ input }, token);
    assert.deepEqual(prepared, {
      invocationMessage: 'Circuitscope: Open Checkpoint',
      confirmationMessages: {
        title: 'Circuitscope: Open Checkpoint',
        message: [
          `Reads the checkpoint ${sample('neox-6l')} (8.5 MB of weights).`,
          `Reads the sparse autoencoder ${sample(SAE)} (4.7 MB of weights).`,
          'Nothing is written.',
        ].join('\n\n'),
      },
    });
    assert.deepEqual(p.checkpoints.all.map(({ name }) => name), ['attn-only-2l']); // prettier-ignore
    await assert.rejects(
      Promise.resolve(invoke('open_checkpoint', { checkpoint: sample('nothing') })),
      /nothing does not exist; a checkpoint folder was expected\./,
    );
  });

  it('what they open stands in the side bar, beside what is in use', async () => {
    // VS Code's own tests say yes to every dialog
    const opened = await invoke<{ mlsae: { name: string } }>('open_checkpoint', {
      checkpoint: sample('neox-6l'),
      mlsae: sample(SAE),
    });
    assert.equal(opened.mlsae.name, SAE);
    assert.deepEqual(p.checkpoints.all.map(({ name }) => name), ['attn-only-2l', 'neox-6l']); // prettier-ignore
    assert.equal(p.checkpoints.active?.name, 'attn-only-2l');
    const { latents } = await invoke<{ latents: object[] }>('latents', {
      checkpoint: sample('neox-6l'),
      text,
      top: 4,
    });
    assert.equal(latents.length, 4);
    const closing = await tool('close_checkpoint').prepareInvocation(
      { input: { checkpoint: sample('neox-6l') } },
      token,
    );
    assert.match(String(closing!.confirmationMessages!.message), /^Closes the checkpoint .*neox-6l, its analyses/);
    await invoke('close_checkpoint', { checkpoint: sample('neox-6l') });
    assert.deepEqual(p.checkpoints.all.map(({ name }) => name), ['attn-only-2l']); // prettier-ignore
  });

  it('are cancelled with their token', async () => {
    const source = new vscode.CancellationTokenSource();
    const options = { input: { seed: 5 }, toolInvocationToken: undefined };
    const running = vscode.lm.invokeTool('circuitscope_head_scores', options, source.token);
    setTimeout(() => source.cancel(), 20);
    await assert.rejects(Promise.resolve(running), /cancell?ed/i);
    // the engine serves the next
    await invoke('composition', { top: 1 });
  });

  it('are served by the MCP server that is defined, in the editor’s own Node', async () => {
    const [definition] = mcpDefinitions(extensionPath('dist', 'cli.js'), '1');
    const { command, args, env, cwd } = definition!;
    assert.deepEqual([args[1], cwd?.fsPath], ['mcp', vscode.workspace.workspaceFolders![0]!.uri.fsPath]);
    const client = new Client({ name: 'test', version: '1' });
    await client.connect(new StdioClientTransport({ command, args, env: env as Record<string, string> }));
    try {
      const input = { checkpoint: sample('attn-only-2l'), head: 'L1H5', text, top: 20 };
      const { structuredContent } = await client.callTool({ name: 'attention', arguments: input });
      checkPattern(structuredContent as Attention);
    } finally {
      await client.close();
    }
  });
});
