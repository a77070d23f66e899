/** The extension in another language than English. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { startWorkbench, type Workbench } from './support/workbench';

const table = (file: string): Record<string, string> =>
  JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>;

describe('in Simplified Chinese', () => {
  const manifest = table('package.nls.zh-cn.json');
  const texts = table('l10n/bundle.l10n.zh-cn.json');
  let workbench: Workbench;
  // a short prompt, so that the engine has something to say
  const settings = { 'circuitscope.maxTokens': 8 };
  before(async () => (workbench = await startWorkbench({ language: 'zh-cn', settings })));
  after(() => workbench?.close());

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

  it('the link of a heading opens its paragraph', async () => {
    const panel = await workbench.panelFrame();
    await panel.locator('a.concept').first().click();
    const preview = await workbench.panelFrame('h3#attention-pattern');
    assert.match(await preview.locator('h3#attention-pattern + p').innerText(), /^注意力模式/);
    await workbench.shot('languages-zh-cn-concepts');
  });
});
