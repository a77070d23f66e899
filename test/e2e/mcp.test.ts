// The tools for coding agents as an MCP server that VS Code itself starts.
import { startWorkbench, type Workbench } from './support/workbench';

describe('the MCP server of the extension', function () {
  this.timeout(60_000);
  let workbench: Workbench;
  before(async () => (workbench = await startWorkbench({ settings: { 'chat.disableAIFeatures': false } })));
  after(() => workbench.close());

  it('is listed by VS Code, starts, and has its tools', async () => {
    const { page } = workbench;
    const rows = page.locator('.quick-input-widget .monaco-list-row');
    const choose = async (text: string): Promise<void> => {
      await workbench.palette('MCP: List Servers');
      await rows.filter({ hasText: 'Circuitscope' }).click();
      await rows.filter({ hasText: text }).click();
    };
    await choose('Start Server');
    await choose('Show Output');
    await page
      .locator('.output-view-with-actions, .output-view')
      .getByText('Connection state: Running')
      .first()
      .waitFor();
    await page
      .getByText(/Discovered 8 tools/)
      .first()
      .waitFor();
  });
});
