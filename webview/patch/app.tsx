/** Activation patching: which positions of the residual stream and which heads bring the clean answer back. */
import * as l10n from '@vscode/l10n';
import { computed } from '@preact/signals';
import type { JSX } from 'preact';
import type { Patching } from '../../src/protocol/circuits/behaviour';
import { visibleText } from '../../src/protocol/tokens';
import { type Cell, CellMap } from '../shared/cellMap';
import { type MapPicture, mapsPng } from '../shared/cellMapPng';
import type { Rgba, ThemeKind } from '../shared/colour';
import { diverging, divergingGradient } from '../shared/diverging';
import { fixed, signed } from '../shared/numbers';
import { type ExportItem, ReportFrame } from '../shared/reportFrame';
import { type Column, tableExports } from '../shared/table';
import { themeKind } from '../shared/theme';
import { TokenText } from '../shared/tokenText';
import { hovered, type MapName, report } from './store';
import { Concept } from '../shared/concept';
import { Sentence } from '../shared/sentence';

const CELL = { width: 28, height: 20 };

/** End of the scale, the same for both maps: 1 brings the whole difference back. */
const endOf = ({ resid, heads }: Patching): number =>
  [...resid, ...heads].reduce((most, effect) => (Number.isFinite(effect) ? Math.max(most, Math.abs(effect)) : most), 1);

type Picture = MapPicture & { valueAt: (cell: Cell) => number };

/** What is drawn, on the screen and in a picture. The highest layer is at the top. */
function pictureOf(shown: Patching, title: string, columns: readonly string[], values: Float32Array): Picture {
  const end = endOf(shown);
  const valueAt = ({ row, column }: Cell): number => values[(shown.nLayers - 1 - row) * columns.length + column] ?? NaN;
  return {
    title,
    columns,
    rows: Array.from({ length: shown.nLayers }, (_, i) => `L${shown.nLayers - 1 - i}`),
    size: CELL,
    colour: (cell: Cell, theme: ThemeKind): Rgba => diverging(valueAt(cell) / end, theme),
    valueAt,
  };
}

const pictures = computed((): Record<MapName, Picture> | undefined => {
  const shown = report.answer.value?.result;
  if (!shown) return undefined;
  const positions = shown.cleanTokens.map(({ text }) => visibleText(text));
  const heads = Array.from({ length: shown.nHeads }, (_, head) => `H${head}`);
  return {
    resid: pictureOf(shown, 'Residual stream', positions, shown.resid),
    heads: pictureOf(shown, 'Heads', heads, shown.heads),
  };
});

interface MapProps {
  name: MapName;
  about: string;
  /** The column as a tip names it. */
  columnName: (column: number) => string;
}

function EffectMap({ name, about, columnName }: MapProps): JSX.Element | null {
  const picture = pictures.value?.[name];
  if (!picture) return null;
  const { title, valueAt, ...drawn } = picture;
  return (
    <section class="block">
      <h2>
        {title} <Concept id="activation-patching" />
        <small>{about}</small>
      </h2>
      <CellMap
        {...drawn}
        name={name}
        label={l10n.t('{0}: {1}. Arrow keys move.', title, about)}
        marks={() => (hovered.value?.map === name ? { hovered: hovered.value.cell } : {})}
        onHover={(cell) => (hovered.value = cell && { map: name, cell })}
        tip={(cell) => (
          <div class="tip-row">
            <span>
              {drawn.rows[cell.row]} · {columnName(cell.column)}
            </span>
            <b>{signed(valueAt(cell))}</b>
          </div>
        )}
        speak={(cell) => `${drawn.rows[cell.row]} ${drawn.columns[cell.column]}: ${signed(valueAt(cell))}`}
      />
    </section>
  );
}

function Maps({ shown }: { shown: Patching }): JSX.Element {
  const positionName = (column: number): string => {
    const [clean, corrupted] = [shown.cleanTokens, shown.corruptedTokens].map((all) =>
      visibleText(all[column]?.text ?? ''),
    );
    return clean === corrupted ? `${clean}` : `${corrupted} ⇐ ${clean}`;
  };
  return (
    <>
      <EffectMap name="resid" about={l10n.t('layer × position, before the layer')} columnName={positionName} />
      {shown.nHeads > 0 && shown.nLayers > 0 ? (
        <EffectMap name="heads" about={l10n.t('layer × head, at every position')} columnName={(head) => `H${head}`} />
      ) : null}
    </>
  );
}

/** The two prompts, tokens that differ set off, and their logit differences. */
function Prompts({ shown }: { shown: Patching }): JSX.Element {
  const line = (name: 'clean' | 'corrupted'): JSX.Element => {
    const [mine, other] =
      name === 'clean' ? [shown.cleanTokens, shown.corruptedTokens] : [shown.corruptedTokens, shown.cleanTokens];
    return (
      <tr>
        <th scope="row">{name}</th>
        <td class="prompt">
          {mine.map(({ text, id }, i) => (
            <span key={i} class={id === other[i]?.id ? '' : 'differs'}>
              <TokenText text={text} />
            </span>
          ))}
        </td>
        <td class="number">{signed(shown[name], 3)}</td>
      </tr>
    );
  };
  return (
    <table class="prompts">
      <thead>
        <tr>
          <td />
          <th>{l10n.t('prompt')}</th>
          <th class="right">
            <Sentence
              text={l10n.t('logit of {0} − {1}')}
              parts={[<TokenText text={shown.answer.text} />, <TokenText text={shown.wrong.text} />]}
            />
          </th>
        </tr>
      </thead>
      <tbody>
        {line('clean')}
        {line('corrupted')}
      </tbody>
    </table>
  );
}

const Key = ({ end }: { end: number }): JSX.Element => (
  <div class="bar-line">
    <span class="scale" role="img" aria-label={l10n.t('Colour scale of effects from −{0} to +{0}', fixed(end))}>
      −{fixed(end, 1)}
      <i style={{ backgroundImage: divergingGradient(themeKind.value) }} />+{fixed(end, 1)}
    </span>
    <span>{l10n.t('effect: 0 nothing, 1 the whole difference is back')}</span>
  </div>
);

interface Line {
  what: string;
  layer: number;
  at: string;
  index: number;
  effect: number;
}
const COLUMNS: Column<Line>[] = (['what', 'layer', 'index', 'at', 'effect'] as const).map((name) => ({
  name,
  value: (line) => line[name],
}));

function lines({ resid, heads, cleanTokens, nHeads }: Patching): Line[] {
  const of = (what: string, values: Float32Array, names: readonly string[]): Line[] =>
    [...values].map((effect, i) => ({
      what,
      layer: Math.floor(i / names.length),
      index: i % names.length,
      at: names[i % names.length] ?? '',
      effect,
    }));
  return [
    ...of(
      'resid_pre',
      resid,
      cleanTokens.map(({ text }) => text),
    ),
    ...of(
      'z',
      heads,
      Array.from({ length: nHeads }, (_, head) => `H${head}`),
    ),
  ];
}

const pngExport = (name: string, { answer, wrong }: Patching): ExportItem => ({
  label: l10n.t('Picture (PNG)'),
  run: () => {
    const effect = l10n.t('effect on {0} − {1}', visibleText(answer.text), visibleText(wrong.text));
    const maps = Object.values(pictures.peek() ?? {}).map((map) => ({ ...map, title: `${map.title}: ${effect}` }));
    void mapsPng(maps).then((content) => report.save({ name, format: 'png', content }));
  },
});

export function App(): JSX.Element {
  const shown = report.answer.value?.result;
  const name = `${report.subject.value?.checkpoint.name ?? ''}-patching`;
  return (
    <ReportFrame
      concept="activation-patching"
      report={report}
      what={l10n.t('activation patching')}
      exports={shown ? [pngExport(name, shown), ...tableExports(name, COLUMNS, () => lines(shown), report)] : []}
      notices={shown?.notices}
    >
      {() =>
        shown ? (
          <>
            <Prompts shown={shown} />
            <Key end={endOf(shown)} />
            <Maps shown={shown} />
          </>
        ) : null
      }
    </ReportFrame>
  );
}
