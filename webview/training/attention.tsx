/** The pattern of the strongest head on the snippet of the person's own text. */
import * as l10n from '@vscode/l10n';
import { signal } from '@preact/signals';
import type { JSX } from 'preact';
import { useCallback, useMemo } from 'preact/hooks';
import { formatWeight, visibleText } from '../../src/protocol/tokens';
import { type Cell, CellMap } from '../shared/cellMap';
import { ramp, rampGradient, type Rgba, type ThemeKind } from '../shared/colour';
import { themeKind } from '../shared/theme';
import { TokenText } from '../shared/tokenText';
import { attention } from './store';
import { Concept } from '../shared/concept';

const CELL = { width: 13, height: 13 };
const hovered = signal<Cell | undefined>(undefined);

export function Attention({ dir }: { dir: string }): JSX.Element | null {
  const now = attention.value[dir];
  const tokens = now?.tokens;
  const labels = useMemo(() => (tokens ?? []).map(visibleText), [tokens?.join('\0')]);
  const weight = useCallback(
    ({ row, column }: Cell): number => now?.pattern[row * labels.length + column] ?? 0,
    [now, labels],
  );
  const colour = useCallback((cell: Cell, theme: ThemeKind): Rgba => ramp(weight(cell), theme), [weight]);
  if (!now || !tokens || tokens.length === 0) return null;
  const { layer, head } = now.head;
  const name = `L${layer}H${head}`;
  return (
    <section class="block" data-attention={name}>
      <h2>
        {l10n.t('{0} on your snippet', name)} <Concept id="attention-pattern" />{' '}
        <small>{l10n.t('the strongest head: {0}; each row attends to its columns', now.score)}</small>
      </h2>
      <div class="scale">
        0 <i style={{ background: rampGradient(themeKind.value) }} /> 1
      </div>
      <CellMap
        label={l10n.t('Attention of {0} on the snippet. Arrow keys move the cell.', name)}
        name="snippet"
        rows={labels}
        columns={labels}
        size={CELL}
        colour={colour}
        marks={() => (hovered.value ? { hovered: hovered.value } : {})}
        onHover={(cell) => (hovered.value = cell)}
        tip={(cell) => (
          <>
            <TokenText text={tokens[cell.row] ?? ''} /> <span class="muted">→</span>{' '}
            <TokenText text={tokens[cell.column] ?? ''} /> {formatWeight(weight(cell))}
          </>
        )}
        speak={(cell) =>
          l10n.t(
            '{0} attends to {1} {2}',
            labels[cell.row] ?? '',
            labels[cell.column] ?? '',
            formatWeight(weight(cell)),
          )
        }
      />
    </section>
  );
}
