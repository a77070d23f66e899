/** The panel in a page of the harness, as a test sees it. Code for the page travels as text: the suite has no DOM types. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Page } from 'playwright-core';
import type { ThemeKind } from '../../../webview/shared/colour';
import { browser } from '../support/browser';
import type { Harness } from './harness';
import type { Message, PanelHost } from './types';

const shots = path.resolve('test', 'e2e', 'shots');

/** Keeps a picture that a panel made, to be looked at. */
export function keepPicture(name: string, bytes: Uint8Array): void {
  mkdirSync(shots, { recursive: true });
  writeFileSync(path.join(shots, name), bytes);
}

export interface PanelOptions {
  theme?: ThemeKind;
  scenario?: 'reference' | 'long' | 'wide' | 'hostile' | 'zero';
  width?: number;
  height?: number;
  /** Of a table in l10n/; default: English. */
  language?: string;
  /** What is there once the panel is drawn; default: the attention panel's pictures. */
  drawn?: string[];
}

export interface HeatPlace {
  cell: number;
  x0: number;
  y0: number;
  row: number;
  column: number;
  pool: number;
  draws: number;
  name: string;
}

export interface Rectangle {
  x: number;
  y: number;
  width: number;
  height: number;
}

export class Panel {
  /** Errors of scripts, and what the content security policy refused. */
  readonly errors: string[] = [];

  private constructor(readonly page: Page) {
    page.on('pageerror', (error) => this.errors.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error') this.errors.push(message.text());
    });
  }

  static async open(harness: Harness, options: PanelOptions = {}): Promise<Panel> {
    const { theme = 'dark', scenario = 'reference', width = 700, height = 850 } = options;
    const context = await (await browser()).newContext({ viewport: { width, height }, reducedMotion: 'reduce' });
    const panel = new Panel(await context.newPage());
    await panel.page.goto(harness.url(`vscode-${theme}`, scenario, options.language));
    const attention = scenario === 'zero' ? ['.no-heads'] : ['.heat-base[data-cell]', '.grid-canvas[data-draws]'];
    for (const part of options.drawn ?? attention) await panel.page.locator(part).waitFor();
    await panel.settle();
    return panel;
  }

  /** Two frames: layout and drawing are done. */
  async settle(): Promise<void> {
    await this.page.evaluate('new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(() => r(null))))');
    await this.page.waitForTimeout(30);
  }

  close(): Promise<void> {
    return this.page.context().close();
  }

  /** `onHost` of the attention panel. */
  host<T, E = undefined>(work: (host: PanelHost, extra: E) => T, extra?: E): Promise<T> {
    return this.onHost(work, extra);
  }

  /**
   * Runs `work` in the page with the fake host, which has received by then what the panel sent before: it receives in a timer,
   * and a timer runs after those that were set earlier for as long or less; browsers make 4 ms of 0 in timers of timers.
   * It may use nothing from around it but `extra`.
   */
  onHost<H, T, E = undefined>(work: (host: H, extra: E) => T, extra?: E): Promise<T> {
    const call = `(${work.toString()})(window.panelHost, ${JSON.stringify(extra) ?? 'undefined'})`;
    return this.page.evaluate(`new Promise((go) => setTimeout(go, 4)).then(() => ${call})`);
  }

  sent(): Promise<Message[]> {
    return this.host((host) => host.sent);
  }

  async heat(): Promise<HeatPlace> {
    const { name = '', ...numbers } = await this.data('.heat-base');
    return { name, ...Object.fromEntries(Object.entries(numbers).map(([k, v]) => [k, Number(v)])) } as HeatPlace;
  }

  data(selector: string): Promise<Record<string, string>> {
    return this.page.evaluate(`({ ...document.querySelector(${JSON.stringify(selector)}).dataset })`);
  }

  /** Middle of a cell, relative to the heatmap. */
  async cellPoint(destination: number, source: number): Promise<{ x: number; y: number }> {
    const { cell, x0, y0, row, column } = await this.heat();
    return { x: x0 + (source - column + 0.5) * cell, y: y0 + (destination - row + 0.5) * cell };
  }

  async hoverCell(destination: number, source: number): Promise<void> {
    await this.page.locator('.heat-overlay').hover({ position: await this.cellPoint(destination, source) });
  }

  async clickCell(destination: number, source: number): Promise<void> {
    await this.page.locator('.heat-overlay').click({ position: await this.cellPoint(destination, source) });
  }

  /** Red, green, blue, alpha of a point of a canvas, in CSS pixels. */
  pixel(selector: string, x: number, y: number): Promise<number[]> {
    return this.page.evaluate(`(() => {
      const canvas = document.querySelector(${JSON.stringify(selector)});
      const at = (css) => Math.floor(css * devicePixelRatio);
      return [...canvas.getContext('2d').getImageData(at(${x}), at(${y}), 1, 1).data];
    })()`);
  }

  /** How many pixels of the heatmap's base picture are painted under an element. */
  paintedUnder(selector: string): Promise<number> {
    return this.page.evaluate(`(() => {
      const canvas = document.querySelector('.heat-base');
      const origin = canvas.getBoundingClientRect();
      const box = document.querySelector(${JSON.stringify(selector)}).getBoundingClientRect();
      const [x, y] = [box.left - origin.left, box.top - origin.top].map((css) => Math.floor(css * devicePixelRatio));
      const [w, h] = [box.width, box.height].map((css) => Math.ceil(css * devicePixelRatio));
      const data = canvas.getContext('2d').getImageData(x, y, w, h).data;
      return data.filter((value, i) => i % 4 === 3 && value > 0).length;
    })()`);
  }

  /** Element that has the keyboard. */
  focused(): Promise<string> {
    return this.page.evaluate('document.activeElement?.className ?? ""');
  }

  async shot(name: string): Promise<void> {
    mkdirSync(shots, { recursive: true });
    await this.settle();
    await this.page.screenshot({ path: path.join(shots, `panel-${name}.png`) });
  }
}
