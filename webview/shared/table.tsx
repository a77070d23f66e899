/** A table that is sorted by a click on a column, copied and exported. */
import * as l10n from '@vscode/l10n';
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { Icon } from './controls';
import type { ExportItem } from './reportFrame';
import type { SavedFile } from '../../src/protocol/reportPanel';

type Value = string | number;

export interface Column<Row> {
  /** Key in JSON and CSV, the same in every language. */
  name: string;
  /** Heading in VS Code's language; default: the name. */
  heading?: string;
  /** What is sorted by, copied and exported. */
  value: (row: Row) => Value;
  /** How it looks; default: the value. */
  cell?: (row: Row) => JSX.Element | string;
  /** Explains the heading. */
  title?: string;
}

export interface Order {
  column: string;
  descending: boolean;
}

interface TableProps<Row> {
  label: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  /** Without it in the order given. */
  initial?: Order;
  onChoose?: (row: Row) => void;
  chosen?: (row: Row) => boolean;
}

export function sorted<Row>(rows: readonly Row[], columns: readonly Column<Row>[], order?: Order): Row[] {
  const by = order && columns.find(({ name }) => name === order.column);
  if (!order || !by) return [...rows];
  const sign = order.descending ? -1 : 1;
  const compare = (a: Value, b: Value): number =>
    typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b));
  return [...rows].sort((a, b) => sign * compare(by.value(a), by.value(b)));
}

export function Table<Row>({ label, columns, rows, initial, onChoose, chosen }: TableProps<Row>): JSX.Element {
  const [order, setOrder] = useState(initial);
  const numeric = new Set(columns.filter(({ value }) => rows[0] && typeof value(rows[0]) === 'number'));
  const sortBy = (column: Column<Row>): void =>
    setOrder({
      column: column.name,
      descending: order?.column === column.name ? !order.descending : numeric.has(column),
    });
  return (
    <table class="table" aria-label={label} onKeyDown={moveRow}>
      <thead>
        <tr>
          {columns.map((column) => (
            <th
              key={column.name}
              class={numeric.has(column) ? 'right' : undefined}
              aria-sort={order?.column === column.name ? (order.descending ? 'descending' : 'ascending') : undefined}
            >
              <button type="button" title={column.title} onClick={() => sortBy(column)}>
                {column.heading ?? column.name}
                {order?.column === column.name ? <Icon name={order.descending ? 'arrow-down' : 'arrow-up'} /> : null}
              </button>
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {sorted(rows, columns, order).map((row, i) => (
          <tr
            key={i}
            class={`${onChoose ? 'choosable' : ''} ${chosen?.(row) ? 'chosen' : ''}`}
            tabIndex={i === 0 ? 0 : -1}
            onClick={onChoose && (() => onChoose(row))}
            onKeyDown={(event) => event.key === 'Enter' && onChoose?.(row)}
          >
            {columns.map((column) => (
              <td key={column.name} class={numeric.has(column) ? 'right number' : undefined}>
                {column.cell?.(row) ?? column.value(row)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Arrow keys go from row to row. */
function moveRow(event: KeyboardEvent): void {
  const by = { ArrowDown: 'nextElementSibling', ArrowUp: 'previousElementSibling' } as const;
  const side = by[event.key as keyof typeof by];
  const row = (event.target as Element).closest('tbody tr');
  const next = side && row?.[side];
  if (!(next instanceof HTMLElement)) return;
  event.preventDefault();
  next.focus();
}

const quoted = (value: Value): string =>
  typeof value === 'number' ? String(value) : `"${value.replaceAll('"', '""')}"`;

export const tableCsv = <Row,>(columns: readonly Column<Row>[], rows: readonly Row[]): string =>
  [columns.map(({ name }) => quoted(name)), ...rows.map((row) => columns.map(({ value }) => quoted(value(row))))]
    .map((line) => line.join(','))
    .join('\n') + '\n';

const tableJson = <Row,>(columns: readonly Column<Row>[], rows: readonly Row[]): string =>
  JSON.stringify(
    rows.map((row) => Object.fromEntries(columns.map(({ name, value }) => [name, value(row)]))),
    null,
    2,
  ) + '\n';

/** Separated by tabs, as spreadsheets take it; white space of the values would part cells. */
const tableText = <Row,>(columns: readonly Column<Row>[], rows: readonly Row[]): string =>
  [columns.map(({ name }) => name), ...rows.map((row) => columns.map(({ value }) => JSON.stringify(value(row))))]
    .map((line) => line.join('\t'))
    .join('\n');

interface Output {
  save(file: SavedFile): void;
  copy(text: string): void;
}

/** Entries of the export menu for a table, whose rows are made when they are asked for. `name`: of the file, without ending. */
export const tableExports = <Row,>(
  name: string,
  columns: readonly Column<Row>[],
  rows: () => readonly Row[],
  { save, copy }: Output,
): ExportItem[] => [
  { label: l10n.t('Copy table'), run: () => copy(tableText(columns, rows())) },
  { label: l10n.t('Table (CSV)'), run: () => save({ name, format: 'csv', content: tableCsv(columns, rows()) }) },
  { label: l10n.t('Table (JSON)'), run: () => save({ name, format: 'json', content: tableJson(columns, rows()) }) },
];
