/** A saved result as tables. */
import { sectionTitles } from '../../src/protocol/resultCheck';
import type { ResultFile } from '../../src/protocol/resultFile';
import { plural, visibleText } from '../../src/protocol/tokens';
import { el } from './dom';

export function drawResult({ checkpoint, source, tokens, view, numbers }: ResultFile): HTMLElement {
  const caption = `${view.panel} · ${checkpoint.name} · ${source} · ${plural(tokens.length, 'token')}`;
  const tables = Object.entries(numbers).map(([section, values]) =>
    el(
      'table',
      {},
      el('caption', {}, sectionTitles[section] ?? section),
      ...Object.entries(values).map(([name, value]) =>
        el(
          'tr',
          {},
          el('th', { scope: 'row' }, visibleText(name).replaceAll('·', ' ')),
          el('td', {}, value.toFixed(4).replace('-', '−')),
        ),
      ),
    ),
  );
  return el('figure', {}, el('figcaption', {}, caption), ...tables);
}
