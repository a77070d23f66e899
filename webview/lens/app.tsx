/** The logit lens: what every layer would predict after every token. */
import * as l10n from '@vscode/l10n';
import type { JSX } from 'preact';
import { computed } from '@preact/signals';
import { visibleText } from '../../src/protocol/tokens';
import { type Cell, CellMap } from '../shared/cellMap';
import { mapsPng } from '../shared/cellMapPng';
import { ramp, rampGradient, type ThemeKind } from '../shared/colour';
import { type Choice, Segmented } from '../shared/controls';
import { type ExportItem, ReportFrame } from '../shared/reportFrame';
import { type Column, tableExports } from '../shared/table';
import { probability as asText } from '../shared/numbers';
import { themeKind } from '../shared/theme';
import {
  hoveredRow,
  hoveredToken,
  lens,
  type Of,
  of,
  probability,
  rank,
  report,
  stageOf,
  tokens,
  topTokens,
} from './store';

const CELL = { width: 64, height: 20 };
const CHOICES: Choice<Of>[] = [
  {
    value: 'answer',
    label: l10n.t('final answer'),
    short: l10n.t('answer'),
    title: l10n.t('Probability of what the model predicts in the end'),
  },
  {
    value: 'next',
    label: l10n.t('next token'),
    short: l10n.t('next'),
    title: l10n.t('Probability of the token that really follows'),
  },
  {
    value: 'top',
    label: l10n.t('top token'),
    short: l10n.t('top'),
    title: l10n.t('Probability of the most probable token of each layer'),
  },
];

const cellText = (cell: Cell): string => visibleText(topTokens(cell)[0]?.text ?? '');
/** `L3`, or the end. */
const shownLabel = (label: string): string => (label === 'out' ? l10n.t('out') : label);
const stageName = (row: number): string => shownLabel(lens.value?.stages[stageOf(row)]?.label ?? '');
const answerOf = (column: number): string => visibleText(lens.value?.answers[column]?.text ?? '');

function Tip({ cell }: { cell: Cell }): JSX.Element {
  const answer = lens.value?.answers[cell.column];
  return (
    <>
      <div class="tip-row muted">
        {visibleText(tokens.value[cell.column]?.text ?? '')} · {stageName(cell.row)}
      </div>
      {topTokens(cell).map(({ id, text, p }) => (
        <div class="tip-row" key={id}>
          <span class={id === answer?.id ? 'strong' : ''}>
            {visibleText(text)}
            {id === answer?.id ? ' ✓' : ''}
          </span>
          <b>{asText(p)}</b>
        </div>
      ))}
      <div class="tip-row muted">
        <span>{l10n.t('final answer {0}, rank {1}', answerOf(cell.column), rank(cell) + 1)}</span>
        <b>{asText(probability(cell, 'answer'))}</b>
      </div>
    </>
  );
}

const speak = (cell: Cell): string => {
  const [first] = topTokens(cell);
  const token = visibleText(tokens.value[cell.column]?.text ?? '');
  return l10n.t(
    '{0} after {1}: {2} {3}, final answer {4} {5}',
    stageName(cell.row),
    token,
    visibleText(first?.text ?? ''),
    asText(first?.p ?? 0),
    answerOf(cell.column),
    asText(probability(cell, 'answer')),
  );
};

function hover(cell: Cell | undefined): void {
  hoveredRow.value = cell?.row;
  report.dispatch(cell ? { kind: 'hoverToken', token: cell.column } : { kind: 'leave' });
}

function marks(): { hovered?: Cell; hoveredColumn?: number; lockedColumn?: number } {
  const { locked, side } = report.selection.value;
  const column = hoveredToken.value;
  const row = hoveredRow.value;
  const lockedColumn = locked[side] ?? locked.destination ?? locked.source;
  const known = lockedColumn === undefined ? {} : { lockedColumn };
  if (column === undefined) return known;
  return row === undefined ? { ...known, hoveredColumn: column } : { ...known, hovered: { row, column } };
}

/** What is drawn, on the screen and in a picture. */
const picture = computed(() => {
  const which = of.value;
  return {
    rows: lens.value?.stages.map(({ label }) => shownLabel(label)).reverse() ?? [],
    columns: tokens.value.map(({ text }) => visibleText(text)),
    size: CELL,
    colour: (cell: Cell, theme: ThemeKind) => ramp(probability(cell, which), theme),
    text: cellText,
  };
});

const Map = (): JSX.Element => (
  <CellMap
    {...picture.value}
    name="lens"
    label={l10n.t('Layers by tokens. Arrow keys move, Enter locks the token, Escape unlocks.')}
    marks={marks}
    onHover={hover}
    onChoose={({ column }) => report.dispatch({ kind: 'lockToken', token: column })}
    tip={(cell) => <Tip cell={cell} />}
    speak={speak}
  />
);

interface Line {
  cell: Cell;
  stage: string;
}
const COLUMNS: Column<Line>[] = [
  { name: 'position', value: ({ cell }) => cell.column },
  { name: 'token', value: ({ cell }) => tokens.value[cell.column]?.text ?? '' },
  { name: 'stage', value: ({ stage }) => stage },
  { name: 'top', value: ({ cell }) => topTokens(cell)[0]?.text ?? '' },
  { name: 'topP', value: ({ cell }) => probability(cell, 'top') },
  { name: 'answer', value: ({ cell }) => lens.value?.answers[cell.column]?.text ?? '' },
  { name: 'answerP', value: ({ cell }) => probability(cell, 'answer') },
  { name: 'answerRank', value: ({ cell }) => rank(cell) },
];

function lines(): Line[] {
  const stages = lens.value?.stages ?? [];
  return tokens.value.flatMap((_, column) =>
    stages.map(({ label }, stage) => ({ cell: { row: stages.length - 1 - stage, column }, stage: label })),
  );
}

const Key = (): JSX.Element => (
  <div class="bar-line">
    <span class="scale" role="img" aria-label={l10n.t('Colour scale of probabilities from 0 to 1')}>
      0<i style={{ backgroundImage: rampGradient(themeKind.value) }} />1
    </span>
    <span>
      {l10n.t(
        'probability of the {0} · text: top token there',
        CHOICES.find(({ value }) => value === of.value)?.label ?? '',
      )}
    </span>
  </div>
);

const pngExport = (name: string): ExportItem => ({
  label: l10n.t('Picture (PNG)'),
  run: () => {
    const { sourceName = '', checkpoint } = report.subject.peek() ?? {};
    const title = `${checkpoint?.name ?? ''}  ${l10n.t('logit lens')}  ${sourceName}`;
    void mapsPng([{ ...picture.peek(), title }]).then((content) => report.save({ name, format: 'png', content }));
  },
});

export function App(): JSX.Element {
  const shown = lens.value;
  const name = `${report.subject.value?.checkpoint.name ?? ''}-lens`;
  return (
    <ReportFrame
      concept="logit-lens"
      report={report}
      controls={
        <Segmented label={l10n.t('Colour')} choices={CHOICES} value={of.value} onChange={(next) => (of.value = next)} />
      }
      exports={shown ? [pngExport(name), ...tableExports(name, COLUMNS, lines, report)] : []}
      notices={shown?.notices}
    >
      {() => (
        <>
          <Key />
          <div class="block">
            <Map />
          </div>
        </>
      )}
    </ReportFrame>
  );
}
