import * as vscode from 'vscode';
import { latentsAt, type Encoding } from '../protocol/latents/encoding';
import { strongestTokens } from '../protocol/latents/focus';
import { latentId, type LatentName, type LatentNames } from '../protocol/latents/names';
import { formatWeight } from '../protocol/tokens';
import type { Analysis } from './analyses';
import type { Latents } from './latents';
import { escapeMarkdown, escapeText, layersImage, sideBySide, type Table } from './markdown';
import { layersRead } from './words';

export const LATENT_COMMANDS = ['circuitscope.openLatent', 'circuitscope.showLatents'];

const MAX_ROWS = 6;
/** Tokens that show what a latent without a name is about. */
const EXAMPLES = 2;
/** Characters of a name. */
const NAME = 24;
/** An encoding that is not there by then is left out: a hover must not be waited for. */
const PATIENCE_MS = 40;

/** The section about latents; empty without an autoencoder. */
export async function latentsSection(latents: Latents, analysis: Analysis, token: number): Promise<string> {
  const sae = latents.of(analysis.checkpoint);
  if (!sae) return '';
  const title = vscode.l10n.t('latents · {0} on {1}', escapeText(sae.label), escapeText(analysis.checkpoint.name));
  const failed = latents.encodingError(analysis);
  if (failed !== undefined) return `${title}: ${escapeText(failed)}`;
  const encoding = latents.encodingNow(analysis) ?? (await soon(latents.encoding(analysis)));
  return encoding
    ? latentTable(title, analysis, encoding, latents.names(sae), token)
    : vscode.l10n.t('{0}: encoding…', title);
}

function soon<T>(work: Promise<T | undefined>): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout>;
  const later = new Promise<undefined>((resolve) => (timer = setTimeout(resolve, PATIENCE_MS, undefined)));
  return Promise.race([work.catch(() => undefined), later]).finally(() => clearTimeout(timer));
}

/** The strongest latents of a token, two in a row, each with a bar for every layer and a link to it. */
export function latentTable(
  title: string,
  { info }: Pick<Analysis, 'info'>,
  encoding: Encoding,
  names: LatentNames,
  token: number,
): string {
  const rows = token < encoding.nTokens ? latentsAt(encoding, token).slice(0, MAX_ROWS) : [];
  if (rows.length === 0) return vscode.l10n.t('{0}: none is active here', title);
  const texts = info.tokens.map(({ text }) => text);
  const about = strongestTokens(
    encoding,
    rows.map(({ latent }) => latent),
    texts,
    EXAMPLES,
  );
  const cells = rows.map(({ latent, byLayer, max }, i) => {
    const open = `command:circuitscope.openLatent?${encodeURIComponent(JSON.stringify([latent]))}`;
    const link = `[${latentId(latent).replace('#', '\\#')}](${open})`;
    const what = [nameOf(names[latent]), ...about[i]!.map(escapeMarkdown)].filter(Boolean).slice(0, EXAMPLES);
    return [link, what.join('&nbsp;&nbsp;'), layersImage(byLayer), formatWeight(max)];
  });
  const table = (rows: string[][]): Table => ({
    head: rows.length > 0 ? ['', '', '', ''] : [],
    align: [':--', ':--', ':--', '--:'].slice(0, rows.length > 0 ? undefined : 0),
    rows,
  });
  const [odd, even] = [0, 1].map((side) => table(cells.filter((_, i) => i % 2 === side)));
  return `${title} · ${layerSpan(encoding)}\n\n${sideBySide(odd!, even!)}`;
}

function nameOf(name?: LatentName): string {
  if (!name?.name) return '';
  return `**${escapeText(name.name.length > NAME ? `${name.name.slice(0, NAME - 1).trimEnd()}…` : name.name)}**`;
}

const layerSpan = ({ layers }: Encoding): string => layersRead(layers);
