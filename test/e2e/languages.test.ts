/** The extension in another language than English. */
import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { startWorkbench, workspaceFolder, type Workbench } from './support/workbench';

const table = (file: string): Record<string, string> =>
  JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>;

const output = { 'application/vnd.circuitscope+json': { tokens: 'none' } };
const outputs = [{ output_type: 'display_data', data: output, metadata: {} }];
const cells = [{ cell_type: 'code', execution_count: 1, metadata: {}, source: [], outputs }];
const FILES = {
  'damaged.circuitscope.json': '{"format": "circuitscope-result", "formatVersion": 2}',
  'outputs.ipynb': JSON.stringify({ cells, metadata: {}, nbformat: 4, nbformat_minor: 5 }),
};

describe('in Simplified Chinese', () => {
  const manifest = table('package.nls.zh-cn.json');
  const texts = table('l10n/bundle.l10n.zh-cn.json');
  let workbench: Workbench;
  // a short prompt, so that the engine has something to say
  const settings = { 'circuitscope.maxTokens': 8 };
  before(async () => {
    // before VS Code lists the folder: Go to File does not notice every file that comes later
    for (const [name, text] of Object.entries(FILES)) writeFileSync(path.join(workspaceFolder, name), text);
    workbench = await startWorkbench({ language: 'zh-cn', settings });
  });
  after(async () => {
    await workbench?.close();
    for (const name of Object.keys(FILES)) rmSync(path.join(workspaceFolder, name));
  });

  it('commands, code lenses and panels speak it', async () => {
    await workbench.openFile('total.ts');
    await workbench.selectLines(4, 9);
    await workbench.palette(`Circuitscope: ${manifest['command.analyzeSelection']}`);
    const panel = await workbench.panelFrame();
    await panel.locator('canvas.heat-base[data-cell]').waitFor();
    assert.equal(await panel.locator('html').getAttribute('lang'), 'zh-cn');
    await workbench.page.locator('.codelens-decoration', { hasText: texts['Show attention']! }).first().waitFor();
    assert.match(await panel.locator('body').innerText(), /\p{Script=Han}/u);
    const notice = texts['The prompt has {0} tokens; the first {1} are shown ({2}).']!;
    const said = new RegExp(notice.replace(/\{\d\}/g, '.+'), 'u');
    assert.match(said.source, /\p{Script=Han}/u);
    await panel.getByText(said).first().waitFor();
    await workbench.shot('languages-zh-cn');
  });

  it('a damaged file says what is wrong in it', async () => {
    await workbench.openTab('damaged.circuitscope.json');
    const page = await workbench.panelFrame('main[data-state=error]');
    const values = ['damaged.circuitscope.json', 'formatVersion', '2'];
    values.push(texts['{0} (a newer Circuitscope may have written it)']!.replace('{0}', '1'));
    const said = texts['{0}: {1} is {2}, {3} was expected.']!.replace(/\{(\d)\}/g, (_, at) => values[Number(at)]!);
    assert.match(said, /\p{Script=Han}/u);
    assert.equal(await page.getByRole('alert').innerText(), said);
    await workbench.shot('languages-zh-cn-damaged');
  });

  it('outputs of notebooks are told what it is', async () => {
    await workbench.openTab('outputs.ipynb');
    const page = await workbench.panelFrame('.cell_container [role=alert]');
    await page.getByText(texts['Circuitscope: tokens is not a list of texts.']!).waitFor();
    await workbench.shot('languages-zh-cn-notebook');
  });

  it('the link of a heading opens its paragraph', async () => {
    const panel = await workbench.panelFrame();
    await panel.locator('a.concept').first().click();
    const preview = await workbench.panelFrame('h3#attention-pattern');
    assert.match(await preview.locator('h3#attention-pattern + p').innerText(), /^注意力模式/);
    await workbench.shot('languages-zh-cn-concepts');
  });
});
