/** A saved result as tables. */
import { sectionTitle } from '../../src/protocol/resultCheck';
import type { ResultFile } from '../../src/protocol/resultFile';
import { visibleText } from '../../src/protocol/tokens';
import { tokensText } from '../shared/plurals';
import { el } from './dom';

export function drawResult({ checkpoint, source, tokens, view, numbers }: ResultFile): HTMLElement {
  const caption = `${view.panel} · ${checkpoint.name} · ${source} · ${tokensText(tokens.length)}`;
  const tables = Object.entries(numbers).map(([section, values]) =>
    el(
      'table',
      {},
      el('caption', {}, sectionTitle(section) ?? section),
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
