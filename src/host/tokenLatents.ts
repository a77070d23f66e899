import * as vscode from 'vscode';
import { latentsAt, type Encoding } from '../protocol/latents/encoding';
import type { LatentNames } from '../protocol/latents/names';
import type { TokenLatent, TokenLatents } from '../protocol/latents/tokenLatents';
import type { Selection } from '../protocol/selection';
import type { Analyses, Analysis } from './analyses';
import type { Latents } from './latents';
import type { SelectionStore } from './selection';

const COUNT = 6;

/** The token under the pointer, else the locked one. */
function tokenOf({ preview, locked }: Selection): number | undefined {
  return preview.destination ?? preview.source ?? locked.destination ?? locked.source;
}

/** What the panels say about the latents of the token that is hovered or locked. */
export class TokenLatentsFeed implements vscode.Disposable {
  private shown: TokenLatents | null = null;
  private of: { analysis?: Analysis; encoding?: Encoding; names?: LatentNames; token?: number } = {};
  private readonly changed = new vscode.EventEmitter<TokenLatents | null>();
  readonly onDidChange = this.changed.event;
  private readonly disposables: vscode.Disposable[] = [this.changed];

  constructor(
    private readonly analyses: Analyses,
    private readonly selection: SelectionStore,
    private readonly latents: Latents,
  ) {
    const update = (): void => this.update();
    this.disposables.push(
      ...[analyses, latents].map(({ onDidChange }) => onDidChange(update)),
      selection.onDidChange(update),
    );
  }

  /** `null` without an autoencoder. */
  get now(): TokenLatents | null {
    return this.shown;
  }

  private update(): void {
    const { current: analysis } = this.analyses;
    const sae = analysis && this.latents.of(analysis.checkpoint);
    const encoding = analysis && this.latents.encodingNow(analysis);
    const names = sae && this.latents.names(sae);
    // the last token stays: the pointer must leave it to reach its latents
    const last = this.of.analysis === analysis ? this.of.token : undefined;
    const token = tokenOf(this.selection.value) ?? last;
    const { of } = this;
    if (of.analysis === analysis && of.encoding === encoding && of.names === names && of.token === token) return;
    this.of = {
      ...(analysis && { analysis }),
      ...(encoding && { encoding }),
      ...(names && { names }),
      ...(token !== undefined && { token }),
    };
    const text = analysis?.info.tokens[token ?? -1]?.text;
    const known = encoding && token !== undefined && text !== undefined && token < encoding.nTokens;
    const before = this.shown;
    this.shown = sae
      ? { label: sae.label, ...(known && { of: { token, text, latents: strongest(encoding, names ?? {}, token) } }) }
      : null;
    if (before || this.shown) this.changed.fire(this.shown);
  }

  dispose(): void {
    this.disposables.forEach((d) => d.dispose());
  }
}

const strongest = (encoding: Encoding, names: LatentNames, token: number): TokenLatent[] =>
  latentsAt(encoding, token)
    .slice(0, COUNT)
    .map(({ latent, byLayer, max: value }) => {
      const name = names[latent]?.name;
      return { latent, value, byLayer, ...(name && { name }) };
    });
