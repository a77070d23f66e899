/** `npm run bench -- redraw`: how long the attention panel's page is busy for one hover, in a real Chromium. */
import { chromium, type Browser, type CDPSession, type Page } from 'playwright-core';
import { startHarness, type Harness } from '../e2e/panel/harness';
import { bench, median, Skip, type Measure } from './support/measure';

interface Context {
  harness: Harness;
  browser: Browser;
}

interface Opened {
  page: Page;
  /** ms that the page's main thread has worked since it was opened. */
  worked(): Promise<number>;
}

const HOVERS = 60;
const FRAMES = 'new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(() => r(null))))';

async function openPanel({ harness, browser }: Context, scenario: string): Promise<Opened> {
  const context = await browser.newContext({ viewport: { width: 1100, height: 1000 }, reducedMotion: 'reduce' });
  const page = await context.newPage();
  await page.goto(harness.url('vscode-dark', scenario));
  for (const part of ['.heat-base[data-cell]', '.grid-canvas[data-draws]']) await page.locator(part).waitFor();
  await page.evaluate(FRAMES);
  const session: CDPSession = await context.newCDPSession(page);
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  const worked = async (): Promise<number> => {
    const { metrics } = await session.send('Performance.getMetrics');
    return 1000 * metrics.find(({ name }) => name === 'TaskDuration')!.value;
  };
  return { page, worked };
}

/** Main-thread time of what `act` makes the page do, until two frames have been drawn; less what asking itself takes. */
async function busy(opened: Opened, n: number, act: (i: number) => Promise<unknown>): Promise<number[]> {
  const asking = median(await spentBy(opened, 20, async () => undefined));
  return (await spentBy(opened, n, act)).map((ms) => Math.max(0, ms - asking));
}

async function spentBy({ page, worked }: Opened, n: number, act: (i: number) => Promise<unknown>): Promise<number[]> {
  const spent: number[] = [];
  for (let i = -5; i < n; i++) {
    const before = await worked();
    await act(i + 5);
    await page.evaluate(FRAMES);
    if (i >= 0) spent.push((await worked()) - before);
  }
  return spent.sort((a, b) => a - b);
}

const figure = (spent: number[]): { value: number; note: string } => ({
  value: median(spent),
  note: `95 % within ${spent[Math.floor(spent.length * 0.95)]!.toFixed(1)} ms; main-thread time of input, drawing, style and layout`,
});

async function hover(opened: Opened, selector: string): Promise<number[]> {
  const { page } = opened;
  const box = (await page.locator(selector).boundingBox())!;
  // along the lower left triangle, where a causal pattern is
  return busy(opened, HOVERS, (i) =>
    page.mouse.move(box.x + box.width * (0.15 + 0.002 * i), box.y + box.height * (0.4 + 0.005 * i)),
  );
}

const measures: Measure<Context>[] = [
  {
    name: 'hover redraw, one head, 1024 × 1024',
    unit: 'ms',
    goal: { of: 'value', most: 16 },
    run: async (context) => figure(await hover(await openPanel(context, 'long'), '.heat-overlay')),
  },
  {
    name: 'hover redraw beside 144 thumbnails of 128 tokens',
    unit: 'ms',
    goal: { of: 'value', most: 16 },
    run: async (context) => figure(await hover(await openPanel(context, 'wide'), '.heat-overlay')),
  },
  {
    name: 'hover from thumbnail to thumbnail, 144 of 128 tokens',
    unit: 'ms',
    goal: { of: 'value', most: 16 },
    run: async (context) => {
      const opened = await openPanel(context, 'wide');
      const heads = await opened.page.locator('[data-head]').all();
      const boxes = await Promise.all(heads.map((head) => head.boundingBox()));
      // not head.hover(): what that looks at first, in the page, is not the panel's work
      const to = (i: number): Promise<void> => {
        const { x, y, width, height } = boxes[(i * 7) % boxes.length]!;
        return opened.page.mouse.move(x + width / 2, y + height / 2);
      };
      return figure(await busy(opened, HOVERS, to));
    },
  },
  {
    name: 'all 144 thumbnails of 128 tokens drawn anew (change of theme)',
    unit: 'ms',
    run: async (context) => {
      const opened = await openPanel(context, 'wide');
      const theme = (i: number): string => `document.body.className = 'vscode-${i % 2 ? 'dark' : 'light'}'`;
      return figure(await busy(opened, 20, (i) => opened.page.evaluate(theme(i))));
    },
  },
];

void bench<Context>(
  measures,
  async () => {
    const executablePath = process.env['CIRCUITSCOPE_CHROME'];
    if (!executablePath) throw new Skip('CIRCUITSCOPE_CHROME names no Chromium');
    const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
    return { harness: await startHarness(process.cwd()), browser };
  },
  async ({ harness, browser }) => {
    await browser.close();
    await harness.close();
  },
);
