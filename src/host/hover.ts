import * as vscode from 'vscode';
import type { SourceWeight } from '../protocol/analysis';
import { headName } from '../protocol/checkpoint';
import { lockedToken } from '../protocol/selection';
import { formatWeight } from '../protocol/tokens';
import { documentOf, type Analyses, type Analysis } from './analyses';
import { did } from './firstSteps';
import { LATENT_COMMANDS, latentsSection } from './hoverLatents';
import type { Latents } from './latents';
import { barImage, EMPTY_TABLE, escapeMarkdown, sideBySide, type Table } from './markdown';
import type { SelectionStore } from './selection';

const SOURCES_PER_LAYER = 2;
const MAX_ROWS = 8;
/** VS Code gives a card a quarter of the editor's height: latents come first, and the rest is shorter. */
const ROWS_WITH_LATENTS = 5;
const COMMANDS = [
  ...['circuitscope.lockToken', 'circuitscope.unlock', 'circuitscope.showAttention', 'circuitscope.rerun'],
  ...LATENT_COMMANDS,
];

/** The card of a token: what it reads from, what the model predicts after it, which latents are active. */
export class TokenHover implements vscode.HoverProvider {
  constructor(
    private readonly analyses: Analyses,
    private readonly selection: SelectionStore,
    private readonly latents: Latents,
  ) {}

  async provideHover(document: vscode.TextDocument, position: vscode.Position): Promise<vscode.Hover | undefined> {
    const analysis = this.analyses.current;
    if (!analysis?.tracked || documentOf(analysis) !== document) return undefined;
    const token = analysis.tracked.tokenAt(document.offsetAt(position));
    if (token === undefined) return undefined;
    this.selection.apply({ kind: 'hoverToken', token }, 'editor');
    const [byLayer, latents] = await Promise.all([
      analysis.checkpoint.nLayers === 0 ? [] : this.analyses.sources(analysis, token, SOURCES_PER_LAYER),
      latentsSection(this.latents, analysis, token),
    ]);
    if (latents.includes(LATENT_COMMANDS[0]!)) did('hoverLatents');
    const { start, end } = analysis.tracked.token(token)!;
    const range = new vscode.Range(document.positionAt(start), document.positionAt(end));
    const locked = lockedToken(this.selection.value);
    return new vscode.Hover(
      card(analysis, token, { byLayer, latents, ...(locked !== undefined && { locked }) }),
      range,
    );
  }
}

interface Answers {
  byLayer: SourceWeight[][];
  /** Markdown. */
  latents: string;
  locked?: number;
}

function card(analysis: Analysis, token: number, { byLayer, latents, locked }: Answers): vscode.MarkdownString {
  const parts = [
    heading(analysis, token),
    ...(analysis.stale
      ? [
          `${vscode.l10n.t('The text was edited after this analysis.')} [${vscode.l10n.t('Run again')}](command:circuitscope.rerun)`,
        ]
      : []),
    latents,
    sideBySide(
      readsFrom(analysis, byLayer, latents === '' ? Math.max(MAX_ROWS, byLayer.length) : ROWS_WITH_LATENTS),
      predictsNext(analysis, token),
    ),
    links(analysis, token, latents !== '', locked),
  ];
  const markdown = new vscode.MarkdownString(parts.filter((part) => part !== '').join('\n\n'));
  markdown.isTrusted = { enabledCommands: COMMANDS };
  markdown.supportThemeIcons = false;
  return markdown;
}

/** For the head of a narrow column. */
const unbroken = (text: string): string => text.replaceAll(' ', '&nbsp;');

/** Escaped, and emphasised as a token; backslash escapes do not work in code spans, so none is used. */
const tokenText = (text: string): string => `**${escapeMarkdown(text)}**`;

function heading({ info }: Analysis, token: number): string {
  const { id, text } = info.tokens[token]!;
  const twins = info.tokens.flatMap((other, i) => (other.text === text && i !== token ? [i] : []));
  const first = twins.slice(0, 4).join(', ');
  const also =
    twins.length > 4
      ? [vscode.l10n.t('also token {0} … ({1} in all)', first, twins.length)]
      : twins.length > 0
        ? [vscode.l10n.t('also token {0}', first)]
        : [];
  const surprisal = info.surprisal[token + 1] ?? NaN;
  const next = Number.isNaN(surprisal) ? [] : [vscode.l10n.t('surprisal of next {0} bits', formatWeight(surprisal))];
  return [`${tokenText(text)} ${vscode.l10n.t('token {0}', token)}`, `id ${id}`, ...also, ...next].join(' · ');
}

function readsFrom({ info, checkpoint }: Analysis, byLayer: SourceWeight[][], count: number): Table {
  if (byLayer.length === 0) return EMPTY_TABLE;
  const rows = byLayer
    .flatMap((sources, layer) => sources.map((source) => ({ ...source, layer })))
    .filter(({ weight }) => weight >= 0.005)
    .sort((a, b) => b.weight - a.weight);
  const kept = rows.length <= count ? rows : strongestFirst(rows, byLayer.length, count);
  return {
    head: [
      unbroken(vscode.l10n.t('reads from')),
      '',
      unbroken(
        vscode.l10n.t({
          message: 'max of {0}',
          args: [checkpoint.nLayers * checkpoint.nHeads],
          comment: ['A number of heads'],
        }),
      ),
      '',
      '',
    ],
    align: [':--', '--:', ':--', '--:', ':--'],
    rows: kept.map(({ source, weight, layer, head }) => [
      ...[escapeMarkdown(info.tokens[source]!.text), `${source}`],
      ...[barImage(weight), formatWeight(weight), headName({ layer, head })],
    ]),
  };
}

/** The strongest of every layer comes before the second of any. */
function strongestFirst<T extends { layer: number; weight: number }>(rows: T[], nLayers: number, count: number): T[] {
  const first = Array.from({ length: nLayers }, (_, layer) => rows.find((row) => row.layer === layer));
  const perLayer = first.filter((row) => row !== undefined);
  const rest = rows.filter((row) => !perLayer.includes(row));
  return [...perLayer.sort((a, b) => b.weight - a.weight), ...rest]
    .slice(0, count)
    .sort((a, b) => a.layer - b.layer || b.weight - a.weight);
}

function predictsNext({ info }: Analysis, token: number): Table {
  const next = info.tokens[token + 1]?.id;
  return {
    head: [unbroken(vscode.l10n.t('predicts next')), '', '', ''],
    align: [':--', ':--', ':--', '--:'],
    rows: (info.predictions[token] ?? []).map(({ id, text, p }) => [
      ...[escapeMarkdown(text), id === next ? '✓' : '', barImage(p), formatWeight(p)],
    ]),
  };
}

function links({ checkpoint }: Analysis, token: number, latents: boolean, locked?: number): string {
  const lock =
    locked === token
      ? `[${vscode.l10n.t('Unlock')}](command:circuitscope.unlock)`
      : `[${vscode.l10n.t('Lock')}](command:circuitscope.lockToken?${encodeURIComponent(JSON.stringify([token]))})`;
  const show = [
    `[${vscode.l10n.t('Show Attention')}](command:circuitscope.showAttention)`,
    ...(latents ? [`[${vscode.l10n.t('Show Latents')}](command:circuitscope.showLatents)`] : []),
  ];
  return [lock, ...show, escapeMarkdown(checkpoint.name)].join(' &nbsp; ');
}
