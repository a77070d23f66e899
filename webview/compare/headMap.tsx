/** A number of every head: layers by heads. The chosen head is the one of all panels. */
import * as l10n from '@vscode/l10n';
import { signal } from '@preact/signals';
import type { ComponentChildren, JSX } from 'preact';
import { useMemo } from 'preact/hooks';
import { headName, type HeadRef } from '../../src/protocol/checkpoint';
import { type Cell, CellMap } from '../shared/cellMap';
import { ramp } from '../shared/colour';
import { diverging } from '../shared/diverging';
import { dispatch, selection } from './store';

const CELL = { width: 48, height: 22 };

/** Which of the maps the pointer is in. */
const pointedMap = signal('');

interface HeadMapProps {
  name: string;
  label: string;
  nLayers: number;
  nHeads: number;
  /** `[layer * nHeads + head]` */
  values: ArrayLike<number>;
  end: number;
  /** On the diverging scale. */
  signed?: boolean;
  text: (value: number) => string;
  tip: (head: HeadRef) => ComponentChildren;
  speak: (head: HeadRef) => string;
}

const refOf = ({ row, column }: Cell): HeadRef => ({ layer: row, head: column });
const cellOf = ({ layer, head }: HeadRef): Cell => ({ row: layer, column: head });
const names = (prefix: string, count: number): string[] => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

export function HeadMap(props: HeadMapProps): JSX.Element {
  const { name, label, nLayers, nHeads, values, end, signed, text, tip, speak } = props;
  const rows = useMemo(() => names('L', nLayers), [nLayers]);
  const columns = useMemo(() => names('H', nHeads), [nHeads]);
  const look = useMemo(() => {
    const at = ({ row, column }: Cell): number => values[row * nHeads + column] ?? NaN;
    return {
      colour: (cell: Cell, theme: Parameters<typeof ramp>[1]) => (signed ? diverging : ramp)(at(cell) / end, theme),
      text: (cell: Cell) => text(at(cell)),
    };
  }, [values, nHeads, end, signed, text]);
  const marks = (): { hovered?: Cell; locked: Cell } => {
    const { previewHead, head } = selection.value;
    const hovered = previewHead && pointedMap.value === name ? cellOf(previewHead) : undefined;
    return { locked: cellOf(head), ...(hovered && { hovered }) };
  };
  return (
    <CellMap
      name={name}
      label={l10n.t('{0}: {1} layers of {2} heads. Arrow keys move, Enter chooses a head.', label, nLayers, nHeads)}
      rows={rows}
      columns={columns}
      size={CELL}
      {...look}
      marks={marks}
      onHover={(cell) => {
        pointedMap.value = cell ? name : '';
        dispatch(cell ? { kind: 'hoverHead', head: refOf(cell) } : { kind: 'leave' });
      }}
      onChoose={(cell) => dispatch({ kind: 'chooseHead', head: refOf(cell) })}
      tip={(cell) => tip(refOf(cell))}
      speak={(cell) => `${headName(refOf(cell))}: ${speak(refOf(cell))}`}
    />
  );
}
