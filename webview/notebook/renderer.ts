/** Entry of the notebook renderer: draws a cell's output. A module of its own: VS Code calls `activate`. */
import * as l10n from '@vscode/l10n';
import { textsOf } from '../../src/protocol/notebook';
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

/** Of VS Code; other notebooks may have no extension to ask. */
interface Context {
  postMessage?(message: unknown): void;
  onDidReceiveMessage?(listener: (message: unknown) => void): unknown;
}

export function activate(context: Context): Renderer {
  // drawn in English until the extension has said what language it is
  let drawn: Map<HTMLElement, OutputItem> | undefined = context.postMessage && new Map();
  context.onDidReceiveMessage?.((message) => {
    const texts = textsOf(message);
    if (!texts) return;
    l10n.config({ contents: texts });
    if (Object.keys(texts).length > 0) drawn?.forEach((item, element) => element.isConnected && render(item, element));
    drawn = undefined;
  });
  context.postMessage?.({});
  return {
    renderOutputItem(item, element) {
      drawn?.set(element, item);
      render(item, element);
    },
  };
}

function render(item: OutputItem, element: HTMLElement): void {
  // drawn anew into the same element when the cell runs again
  const root = element.shadowRoot ?? element.attachShadow({ mode: 'open' });
  const sheet = document.createElement('style');
  sheet.textContent = style;
  root.replaceChildren(sheet, draw(item));
}

function draw(item: OutputItem): HTMLElement {
  let value: unknown;
  try {
    value = item.json();
  } catch {
    return sentence(l10n.t('Circuitscope: the output is not valid JSON.'));
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
