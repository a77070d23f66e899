/** The tensors of the file: only the rows that can be seen are in the page. */
import * as l10n from '@vscode/l10n';
import { signal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { TensorEntry } from '../../src/protocol/tensors';
import { tensorsText } from '../shared/plurals';
import { Icon } from '../shared/controls';
import { bytesText, countText, filtered, type ListKey, listRows, type ListRow, shapeText } from './rows';
import { choose, chosenName, closedAtFirst, filter, grouped, order, toggled, toggleGroup } from './store';

/** CSS pixels. */
const ROW = 22;
/** The headings, which stay at the top. */
const HEAD = 25;
/** Rows beyond the edges. */
const AROUND = 6;

const COLUMNS: { key: ListKey; name: string; title: string; right?: true; largestFirst?: true }[] = [
  { key: 'name', name: l10n.t('name'), title: l10n.t('Sort by name; numbers count as numbers') },
  { key: 'dtype', name: 'dtype', title: l10n.t('Sort by dtype, as the file writes it') },
  { key: 'shape', name: l10n.t('shape'), title: l10n.t('Sort by shape: number of dimensions, then their sizes') },
  { key: 'size', name: l10n.t('size'), title: l10n.t('Sort by bytes in the file'), right: true, largestFirst: true },
];

/** A first click sorts, a second turns the order, a third gives the file's. */
function sortBy(column: (typeof COLUMNS)[number]): void {
  const { key } = column;
  const largestFirst = column.largestFirst === true;
  const now = order.peek();
  if (now.by !== key) order.value = { by: key, descending: largestFirst };
  else if (now.descending === largestFirst) order.value = { by: key, descending: !largestFirst };
  else order.value = { by: 'file', descending: false };
}

function Head(): JSX.Element {
  const { by, descending } = order.value;
  return (
    <div class="row head" role="row" aria-rowindex={1}>
      {COLUMNS.map((column) => (
        <div
          key={column.key}
          role="columnheader"
          class={column.right && 'right'}
          aria-sort={by !== column.key ? 'none' : descending ? 'descending' : 'ascending'}
        >
          <button type="button" title={column.title} onClick={() => sortBy(column)}>
            {column.name}
            {by === column.key ? <Icon name={descending ? 'arrow-down' : 'arrow-up'} /> : null}
          </button>
        </div>
      ))}
    </div>
  );
}

interface RowProps {
  row: ListRow;
  at: number;
  active: boolean;
  onPick: () => void;
}

function Row({ row, at, active, onPick }: RowProps): JSX.Element {
  const isGroup = row.kind === 'group';
  const isChosen = !isGroup && row.tensor.name === chosenName.value;
  return (
    <div
      id={`row-${at}`}
      role="row"
      aria-rowindex={at + 2}
      aria-level={!isGroup && row.group !== '' ? 2 : 1}
      aria-expanded={isGroup ? row.open : undefined}
      aria-selected={isGroup ? undefined : isChosen}
      class={`row ${isGroup ? 'group' : ''} ${isChosen ? 'chosen' : ''} ${active ? 'active' : ''}`}
      style={{ top: `${at * ROW}px` }}
      onClick={onPick}
    >
      {isGroup ? <GroupCells row={row} /> : <TensorCells tensor={row.tensor} group={row.group} />}
    </div>
  );
}

const GroupCells = ({ row }: { row: Extract<ListRow, { kind: 'group' }> }): JSX.Element => (
  <>
    <div role="gridcell" class="name">
      <Icon name={row.open ? 'chevron-down' : 'chevron-right'} />
      {row.name}
    </div>
    <div role="gridcell" class="wide">
      {tensorsText(row.tensors)}
    </div>
    <div role="gridcell" class="right">
      {bytesText(row.bytes)}
    </div>
  </>
);

const TensorCells = ({ tensor, group }: { tensor: TensorEntry; group: string }): JSX.Element => (
  <>
    <div role="gridcell" class={group === '' ? 'name' : 'name inner'} title={tensor.name}>
      {group === '' ? tensor.name : tensor.name.slice(group.length + 1)}
    </div>
    <div role="gridcell">{tensor.dtype}</div>
    <div role="gridcell">{shapeText(tensor.shape)}</div>
    <div role="gridcell" class="right">
      {bytesText(tensor.bytes)}
    </div>
  </>
);

const MOVES: Record<string, (at: number, page: number, last: number) => number> = {
  ArrowUp: (at) => at - 1,
  ArrowDown: (at) => at + 1,
  PageUp: (at, page) => at - page,
  PageDown: (at, page) => at + page,
  Home: () => 0,
  End: (_at, _page, last) => last,
};

const pick = (row: ListRow): void => (row.kind === 'group' ? toggleGroup(row.name) : choose(row.tensor.name));

/** Left and right close and open a group; left in a group goes to its heading. */
function fold(rows: readonly ListRow[], at: number, key: string): number {
  const row = rows[at];
  if (row?.kind === 'group' && row.open === (key === 'ArrowLeft')) toggleGroup(row.name);
  if (row?.kind !== 'tensor' || row.group === '' || key !== 'ArrowLeft') return at;
  return rows.findIndex((other) => other.kind === 'group' && other.name === row.group);
}

/** The rows as filter, order and groups have them. */
export function rowsNow(tensors: readonly TensorEntry[]): ListRow[] {
  const found = filtered(tensors, filter.value);
  const searching = filter.value.trim() !== '';
  const isOpen = (group: string): boolean => searching || toggled.value.has(group) === closedAtFirst.value;
  return listRows(found, order.value, grouped.value ? { isOpen } : undefined);
}

export function List({ tensors }: { tensors: readonly TensorEntry[] }): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const view = useMemo(() => signal({ top: 0, height: 600 }), []);
  const active = useMemo(() => signal(0), []);
  const rows = useMemo(
    () => rowsNow(tensors),
    [tensors, filter.value, order.value, grouped.value, toggled.value, closedAtFirst.value],
  );
  const measure = (): void => {
    const { scrollTop = 0, clientHeight = 0 } = box.current ?? {};
    view.value = { top: scrollTop, height: clientHeight - HEAD };
  };
  useEffect(() => {
    const observer = new ResizeObserver(measure);
    observer.observe(box.current!);
    return () => observer.disconnect();
  }, []);
  const goTo = (at: number): void => {
    const to = Math.max(0, Math.min(rows.length - 1, at));
    active.value = to;
    const { scrollTop, clientHeight } = box.current!;
    const seen = clientHeight - HEAD;
    if (to * ROW < scrollTop) box.current!.scrollTop = to * ROW;
    else if ((to + 1) * ROW > scrollTop + seen) box.current!.scrollTop = (to + 1) * ROW - seen;
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.target !== event.currentTarget) return;
    const at = Math.min(active.peek(), rows.length - 1);
    const move = MOVES[event.key];
    if (move) goTo(move(at, Math.max(1, Math.floor(view.peek().height / ROW) - 1), rows.length - 1));
    else if (event.key === 'ArrowLeft' || event.key === 'ArrowRight') goTo(fold(rows, at, event.key));
    else if ((event.key === 'Enter' || event.key === ' ') && rows[at]) pick(rows[at]);
    else return;
    event.preventDefault();
  };
  const { top, height } = view.value;
  const from = Math.max(0, Math.floor(top / ROW) - AROUND);
  const to = Math.min(rows.length, Math.ceil((top + height) / ROW) + AROUND);
  const current = Math.min(active.value, rows.length - 1);
  const inPage = current >= from && current < to;
  return (
    <div
      class="list"
      role="treegrid"
      aria-label={l10n.t('{0} tensors. Arrow keys move, Enter chooses.', countText(tensors.length))}
      aria-rowcount={rows.length + 1}
      aria-activedescendant={inPage ? `row-${current}` : undefined}
      tabIndex={0}
      ref={box}
      onScroll={measure}
      onKeyDown={onKeyDown}
    >
      <Head />
      <div class="list-space" role="rowgroup" style={{ height: `${rows.length * ROW}px` }}>
        {rows.slice(from, to).map((row, i) => (
          <Row
            key={row.kind === 'group' ? `group ${row.name}` : row.tensor.name}
            row={row}
            at={from + i}
            active={from + i === current}
            onPick={() => {
              active.value = from + i;
              pick(row);
            }}
          />
        ))}
      </div>
    </div>
  );
}
