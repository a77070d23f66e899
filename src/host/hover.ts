import * as vscode from 'vscode';
import type { SourceWeight } from '../protocol/analysis';
import { headName } from '../protocol/checkpoint';
import { lockedToken } from '../protocol/selection';
import { formatWeight } from '../protocol/tokens';
import { documentOf, type Analyses, type Analysis } from './analyses';
import { barImage, escapeMarkdown } from './markdown';
import type { SelectionStore } from './selection';

const SOURCES_PER_LAYER = 2;
const MAX_ROWS = 8;
const BAR_COLOUR = { dark: '#3ca7b4', light: '#1d86b0' };
const COMMANDS = ['circuitscope.lockToken', 'circuitscope.unlock', 'circuitscope.showAttention', 'circuitscope.rerun'];

/** The card of a token: what it reads from, what the model predicts after it. */
export class TokenHover implements vscode.HoverProvider {
  constructor(
    private readonly analyses: Analyses,
    private readonly selection: SelectionStore,
  ) {}

  async provideHover(document: vscode.TextDocument, position: vscode.Position): Promise<vscode.Hover | undefined> {
    const analysis = this.analyses.current;
    if (!analysis?.tracked || documentOf(analysis) !== document) return undefined;
    const token = analysis.tracked.tokenAt(document.offsetAt(position));
    if (token === undefined) return undefined;
    this.selection.apply({ kind: 'hoverToken', token }, 'editor');
    const byLayer =
      analysis.checkpoint.nLayers === 0 ? [] : await this.analyses.sources(analysis, token, SOURCES_PER_LAYER);
    const { start, end } = analysis.tracked.token(token)!;
    const range = new vscode.Range(document.positionAt(start), document.positionAt(end));
    return new vscode.Hover(card(analysis, token, byLayer, lockedToken(this.selection.value)), range);
  }
}

function card(analysis: Analysis, token: number, byLayer: SourceWeight[][], locked?: number): vscode.MarkdownString {
  const parts = [
    heading(analysis, token),
    ...(analysis.stale ? [`The text was edited after this analysis. [Run again](command:circuitscope.rerun)`] : []),
    readsFrom(analysis, byLayer),
    predictsNext(analysis, token),
    links(analysis, token, locked),
  ];
  const markdown = new vscode.MarkdownString(parts.filter((part) => part !== '').join('\n\n'));
  markdown.isTrusted = { enabledCommands: COMMANDS };
  markdown.supportThemeIcons = false;
  return markdown;
}

/** Escaped, and emphasised as a token; backslash escapes do not work in code spans, so none is used. */
const tokenText = (text: string): string => `**${escapeMarkdown(text)}**`;

function heading({ info }: Analysis, token: number): string {
  const { id, text } = info.tokens[token]!;
  const twins = info.tokens.flatMap((other, i) => (other.text === text && i !== token ? [i] : []));
  const more = twins.length > 4 ? ` … (${twins.length} in all)` : '';
  const also = twins.length > 0 ? ` · also token ${twins.slice(0, 4).join(', ')}${more}` : '';
  return `${tokenText(text)} token ${token} · id ${id}${also}`;
}

function readsFrom({ info, checkpoint }: Analysis, byLayer: SourceWeight[][]): string {
  if (byLayer.length === 0) return '';
  const rows = byLayer
    .flatMap((sources, layer) => sources.map((source) => ({ ...source, layer })))
    .filter(({ weight }) => weight >= 0.005)
    .sort((a, b) => b.weight - a.weight);
  // the strongest of every layer comes before the second of any
  const kept = rows.length <= MAX_ROWS ? rows : strongestFirst(rows, byLayer.length);
  const lines = kept.map(
    ({ source, weight, layer, head }) =>
      `| ${escapeMarkdown(info.tokens[source]!.text)} | ${source} | ${bar(weight)} | ${formatWeight(weight)} | ${headName({ layer, head })} |`,
  );
  const heads = checkpoint.nLayers * checkpoint.nHeads;
  return [`| reads from |  | max of ${heads} heads |  |  |`, '|:--|--:|:--|--:|:--|', ...lines].join('\n');
}

function strongestFirst<T extends { layer: number; weight: number }>(rows: T[], nLayers: number): T[] {
  const first = Array.from({ length: nLayers }, (_, layer) => rows.find((row) => row.layer === layer));
  const perLayer = first.filter((row) => row !== undefined);
  const rest = rows.filter((row) => !perLayer.includes(row));
  return [...perLayer.sort((a, b) => b.weight - a.weight), ...rest]
    .slice(0, Math.max(MAX_ROWS, nLayers))
    .sort((a, b) => a.layer - b.layer || b.weight - a.weight);
}

function predictsNext({ info }: Analysis, token: number): string {
  const next = info.tokens[token + 1]?.id;
  const surprisal = info.surprisal[token + 1];
  const of =
    surprisal === undefined || Number.isNaN(surprisal) ? '' : `surprisal of next ${formatWeight(surprisal)} bits`;
  const lines = (info.predictions[token] ?? []).map(
    ({ id, text, p }) => `| ${escapeMarkdown(text)} | ${id === next ? '✓' : ''} | ${bar(p)} | ${formatWeight(p)} |`,
  );
  return [`| predicts next |  | ${of} |  |`, '|:--|:--|:--|--:|', ...lines].join('\n');
}

const isDark = (): boolean =>
  [vscode.ColorThemeKind.Dark, vscode.ColorThemeKind.HighContrast].includes(vscode.window.activeColorTheme.kind);

const bar = (fraction: number): string => barImage(fraction, isDark() ? BAR_COLOUR.dark : BAR_COLOUR.light);

function links({ checkpoint }: Analysis, token: number, locked?: number): string {
  const lock =
    locked === token
      ? '[Unlock](command:circuitscope.unlock)'
      : `[Lock](command:circuitscope.lockToken?${encodeURIComponent(JSON.stringify([token]))})`;
  return `${lock} &nbsp; [Show Attention](command:circuitscope.showAttention) &nbsp; ${escapeMarkdown(checkpoint.name)}`;
}
