/** The chosen tensor's last two dimensions as a picture, with the value under the pointer or the arrow keys. */
import * as l10n from '@vscode/l10n';
import { effect, signal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { TensorEntry, TensorHeatmap } from '../../src/protocol/tensors';
import { Concept } from '../shared/concept';
import { Segmented } from '../shared/controls';
import { diverging } from '../shared/diverging';
import type { Rgba, ThemeKind } from '../shared/colour';
import { themeKind } from '../shared/theme';
import { HeatLegend } from './heatLegend';
import * as layout from './heatLayout';
import type { GridCell } from './heatLayout';
import { leadingOf, valueText } from './rows';
import * as store from './store';
import { Wait } from './wait';

/** What is neither on the scale nor nothing. */
const NOT_FINITE: Rgba = [128, 128, 128, 255];

function gridImage({ rows, columns, values }: TensorHeatmap, end: number, theme: ThemeKind): HTMLCanvasElement {
  const image = new ImageData(columns, rows);
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    image.data.set(Number.isFinite(value) ? diverging(value / end, theme) : NOT_FINITE, 4 * i);
  }
  const canvas = document.createElement('canvas');
  Object.assign(canvas, { width: columns, height: rows });
  canvas.getContext('2d')?.putImageData(image, 0, 0);
  return canvas;
}

/** Cells at the size of the picture, as fine as the screen. */
function paint(
  canvas: HTMLCanvasElement,
  map: TensorHeatmap,
  size: { width: number; height: number },
  end: number,
): void {
  const dpr = window.devicePixelRatio;
  canvas.width = Math.max(1, Math.round(size.width * dpr));
  canvas.height = Math.max(1, Math.round(size.height * dpr));
  const context = canvas.getContext('2d');
  if (!context) return;
  context.imageSmoothingEnabled = false;
  context.drawImage(gridImage(map, end, themeKind.value), 0, 0, canvas.width, canvas.height);
  Object.assign(canvas.dataset, { gridRows: map.rows, gridColumns: map.columns, ...map.window });
}

const range = ([from, to]: [number, number]): string => (from === to ? String(from) : `${from}–${to}`);

/** `[3, 12–13, 40] 0.0123`, as it is under the crosshair. */
function reading(map: TensorHeatmap, tensor: TensorEntry, cell: GridCell): { place: string; value: string } {
  const { rows, columns } = layout.blockOf(map, cell);
  const matrix = tensor.shape.length === 1 ? [range(columns)] : [range(rows), range(columns)];
  const value = valueText(map.values[cell.row * map.columns + cell.column]!);
  const single = rows[0] === rows[1] && columns[0] === columns[1];
  const what = single ? '' : ` ${store.blocks.value === 'mean' ? l10n.t('mean') : l10n.t('first value')}`;
  const place = tensor.shape.length === 0 ? '' : `[${[...store.index.value, ...matrix].join(', ')}]`;
  return { place, value: value + what };
}

const MOVES: Record<string, (cell: GridCell, map: TensorHeatmap) => GridCell> = {
  ArrowUp: ({ row, column }) => ({ row: row - 1, column }),
  ArrowDown: ({ row, column }) => ({ row: row + 1, column }),
  ArrowLeft: ({ row, column }) => ({ row, column: column - 1 }),
  ArrowRight: ({ row, column }) => ({ row, column: column + 1 }),
  Home: ({ row }) => ({ row, column: 0 }),
  End: ({ row }, { columns }) => ({ row, column: columns - 1 }),
  PageUp: ({ column }) => ({ row: 0, column }),
  PageDown: ({ column }, { rows }) => ({ row: rows - 1, column }),
};
const PANS: Record<string, [down: number, right: number]> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};

const inside = ({ row, column }: GridCell, { rows, columns }: TensorHeatmap): GridCell => ({
  row: Math.max(0, Math.min(rows - 1, row)),
  column: Math.max(0, Math.min(columns - 1, column)),
});

/** Reads another part, unless it is the one that is there. */
function goTo(map: TensorHeatmap, next: TensorHeatmap['window']): void {
  if (layout.isWhole({ ...map, window: next })) store.showWhole();
  else if (!layout.isSame(map.window, next)) store.askHeatmap(next);
}

const middleOf = ({ rows, columns }: TensorHeatmap): GridCell => ({ row: rows >> 1, column: columns >> 1 });

function Picture({ map, tensor }: { map: TensorHeatmap; tensor: TensorEntry }): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const room = useMemo(() => signal(0), []);
  const cell = useMemo(() => signal<GridCell | undefined>(undefined), [map]);
  const end = useMemo(() => layout.endOf(map.values, store.scaleEnd.value), [map, store.scaleEnd.value]);
  const size = layout.pictureSize(map.rows, map.columns, room.value);
  useEffect(() => {
    const observer = new ResizeObserver(() => (room.value = box.current?.clientWidth ?? 0));
    observer.observe(box.current!);
    return () => observer.disconnect();
  }, []);
  useEffect(
    () => effect(() => void (room.value > 0 && paint(canvas.current!, map, size, end))),
    [map, size.width, size.height, end],
  );
  const at = (event: MouseEvent): GridCell => {
    const bounds = canvas.current!.getBoundingClientRect();
    const row = Math.floor(((event.clientY - bounds.top) / bounds.height) * map.rows);
    return inside({ row, column: Math.floor(((event.clientX - bounds.left) / bounds.width) * map.columns) }, map);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const now = cell.peek();
    const move = MOVES[event.key];
    const pan = event.shiftKey ? PANS[event.key] : undefined;
    if (pan) goTo(map, layout.moved(map, ...pan));
    else if (move) cell.value = inside(now ? move(now, map) : middleOf(map), map);
    else if (event.key === 'Enter') goTo(map, layout.zoomedIn(map, now ?? middleOf(map)));
    else if (event.key === 'Escape' && !layout.isWhole(map)) goTo(map, layout.zoomedOut(map, now ?? middleOf(map)));
    else return;
    event.preventDefault();
  };
  const here = cell.value && reading(map, tensor, cell.value);
  return (
    <>
      <p class="heat-readout">
        {here ? (
          <>
            <span class="mono">{here.place}</span> <b class="number">{here.value}</b>
          </>
        ) : (
          <span class="none">{l10n.t('Point at a cell, or use the arrow keys. Click or Enter goes nearer.')}</span>
        )}
        <span class="sr-only" aria-live="polite">
          {here ? `${here.place} ${here.value}` : ''}
        </span>
      </p>
      <div
        class="heat"
        ref={box}
        role="application"
        aria-label={l10n.t(
          'Heatmap of {0} by {1} values. Arrow keys move the cell, with Shift the part; Enter goes nearer, Escape back.',
          map.window.rows,
          map.window.columns,
        )}
        tabIndex={0}
        onKeyDown={onKeyDown}
        onBlur={() => (cell.value = undefined)}
      >
        <div class="heat-box" style={{ width: `${size.width}px`, height: `${size.height}px` }}>
          <canvas
            ref={canvas}
            aria-hidden="true"
            onPointerMove={(event) => (cell.value = at(event))}
            onPointerLeave={() => (cell.value = undefined)}
            onClick={(event) => goTo(map, layout.zoomedIn(map, at(event)))}
          />
          {cell.value ? <Mark map={map} cell={cell.value} size={size} /> : null}
        </div>
      </div>
      <HeatLegend map={map} end={end} />
    </>
  );
}

function Mark({
  map,
  cell,
  size,
}: {
  map: TensorHeatmap;
  cell: GridCell;
  size: { width: number; height: number };
}): JSX.Element {
  const [width, height] = [size.width / map.columns, size.height / map.rows];
  const style = {
    left: `${cell.column * width}px`,
    top: `${cell.row * height}px`,
    width: `${width}px`,
    height: `${height}px`,
  };
  return <i class="heat-mark" style={style} />;
}

/** Which matrix of a tensor of more dimensions. */
function Indices({ tensor }: { tensor: TensorEntry }): JSX.Element {
  return (
    <>
      {leadingOf(tensor.shape).map((size, dimension) =>
        size === 1 ? null : (
          <label key={dimension} class="index">
            {l10n.t('index')} {dimension}
            <input
              class="field"
              type="number"
              min={0}
              max={size - 1}
              value={store.index.value[dimension]}
              aria-label={l10n.t('Index of dimension {0}, 0 to {1}', dimension, size - 1)}
              onChange={(event) => {
                const value = Math.max(0, Math.min(size - 1, Math.round(event.currentTarget.valueAsNumber || 0)));
                event.currentTarget.value = String(value);
                store.setIndex(dimension, value);
              }}
            />
          </label>
        ),
      )}
    </>
  );
}

export function Heat({ tensor }: { tensor: TensorEntry }): JSX.Element {
  const map = store.heatmap.value;
  const reduced = map !== undefined && map.rowStep * map.columnStep > 1;
  return (
    <section class="block">
      <h2>
        {l10n.t('Heatmap')} <Concept id="stored-tensors" />{' '}
        <small>
          {tensor.shape.length > 1
            ? l10n.t('rows and columns are the last two dimensions')
            : l10n.t('in the order of the file')}
        </small>
      </h2>
      <div class="heat-controls">
        <Indices tensor={tensor} />
        {reduced || store.blocks.value === 'mean' ? (
          <Segmented
            label={l10n.t('A cell of several values shows')}
            choices={[
              {
                value: 'first',
                label: l10n.t('first value'),
                title: l10n.t('A cell is the first value of its block: reads little'),
              },
              {
                value: 'mean',
                label: l10n.t('mean'),
                title: l10n.t('A cell is the mean of its block: reads all values'),
              },
            ]}
            value={store.blocks.value}
            onChange={store.setBlocks}
          />
        ) : null}
        <span class="none">{l10n.t('scale')}</span>
        <Segmented
          label={l10n.t('The scale ends at')}
          choices={[
            {
              value: 'most',
              label: '99 %',
              title: l10n.t('The scale ends at the size that 99 % of the cells keep below'),
            },
            { value: 'all', label: l10n.t('all'), title: l10n.t('The scale ends at the largest size') },
          ]}
          value={store.scaleEnd.value}
          onChange={(next) => (store.scaleEnd.value = next)}
        />
        {map && !layout.isWhole(map) ? (
          <>
            <button type="button" class="link" onClick={() => goTo(map, layout.zoomedOut(map, middleOf(map)))}>
              {l10n.t('Farther')}
            </button>
            <button type="button" class="link" onClick={store.showWhole}>
              {l10n.t('Whole')}
            </button>
          </>
        ) : null}
      </div>
      <Wait
        answer={store.heatState.value}
        what={l10n.t('Heatmap')}
        cancel={() => store.cancel('heatmap')}
        again={() => store.askHeatmap()}
      />
      {map && map.values.length > 0 ? <Picture map={map} tensor={tensor} /> : null}
      {map?.values.length === 0 ? <p class="none">{l10n.t('No values.')}</p> : null}
    </section>
  );
}
