/** A cell map of a panel, as a test sees it. */
import type { Panel } from './page';

export class CellMapPage {
  private readonly selector: string;
  constructor(
    private readonly panel: Panel,
    name: string,
  ) {
    this.selector = `[data-map="${name}"]`;
  }

  data(): Promise<Record<string, string>> {
    return this.panel.data(`${this.selector} canvas`);
  }

  /** Left upper corner of a cell, relative to the map. */
  private async corner(row: number, column: number): Promise<{ x: number; y: number; width: number; height: number }> {
    const { x0, y0, width, height } = await this.data();
    const [w, h] = [Number(width), Number(height)];
    return { x: Number(x0) + column * w, y: Number(y0) + row * h, width: w, height: h };
  }

  /** Colour of a cell where no text is. */
  async pixel(row: number, column: number): Promise<number[]> {
    const { x, y } = await this.corner(row, column);
    return this.panel.pixel(`${this.selector} canvas`, x + 1, y + 2);
  }

  /** Colour of the line at the left of a column. */
  async edge(column: number): Promise<number[]> {
    const { x, y } = await this.corner(0, column);
    return this.panel.pixel(`${this.selector} canvas`, x - 1, y + 10);
  }

  async hover(row: number, column: number): Promise<void> {
    await this.at(row, column, (position) => this.panel.page.locator(this.selector).hover({ position }));
  }

  async click(row: number, column: number): Promise<void> {
    await this.at(row, column, (position) => this.panel.page.locator(this.selector).click({ position }));
  }

  private async at(
    row: number,
    column: number,
    act: (position: { x: number; y: number }) => Promise<void>,
  ): Promise<void> {
    const { x, y, width, height } = await this.corner(row, column);
    await act({ x: x + width / 2, y: y + height / 2 });
    await this.panel.settle();
  }
}
