// The tools for coding agents as an MCP server that VS Code itself lists and starts.
import { readFileSync } from 'node:fs';
import { attempts } from './support/wait';
import { startWorkbench, type Workbench } from './support/workbench';

const { contributes } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  contributes: { languageModelTools: unknown[] };
};

describe('the MCP server of the extension', function () {
  // VS Code's list is empty until it has heard of the extension
  this.timeout(120_000);
  let workbench: Workbench;
  before(async () => (workbench = await startWorkbench({ settings: { 'chat.disableAIFeatures': false } })));
  after(() => workbench?.close());

  it('is listed by VS Code, starts, and has its tools', async () => {
    const act = (what: RegExp): Promise<void> =>
      attempts(`${what} of the server`, async () => {
        await workbench.choose('MCP: List Servers', 'Circuitscope');
        await workbench.row(what);
      });
    await act(/^(Start|Restart) Server/);
    await act(/^Show Output/);
    const said = workbench.page.locator('.panel .view-line', {
      hasText: `Discovered ${contributes.languageModelTools.length} tools`,
    });
    await said.first().waitFor();
    await workbench.shot('mcp-server');
  });
});
