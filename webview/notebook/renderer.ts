/** Entry of the notebook renderer: draws a cell's output. A module of its own: VS Code calls `activate`. */
import { readOutput } from './data';
import style from './notebook.css';
import { drawPattern } from './pattern';
import { drawResult } from './result';

interface OutputItem {
  json(): unknown;
}

interface Renderer {
  renderOutputItem(item: OutputItem, element: HTMLElement): void;
}

export function activate(): Renderer {
  return {
    renderOutputItem(item, element) {
      // drawn anew into the same element when the cell runs again
      const root = element.shadowRoot ?? element.attachShadow({ mode: 'open' });
      const sheet = document.createElement('style');
      sheet.textContent = style;
      root.replaceChildren(sheet, draw(item));
    },
  };
}

function draw(item: OutputItem): HTMLElement {
  let value: unknown;
  try {
    value = item.json();
  } catch {
    return sentence('Circuitscope: the output is not valid JSON.');
  }
  const output = readOutput(value);
  if ('error' in output) return sentence(output.error);
  return 'pattern' in output ? drawPattern(output.pattern) : drawResult(output.result);
}

function sentence(text: string): HTMLElement {
  const line = document.createElement('p');
  line.setAttribute('role', 'alert');
  line.textContent = text;
  return line;
}
