import * as vscode from 'vscode';
import { Messenger } from 'vscode-messenger';
import type { WebviewIdMessageParticipant } from 'vscode-messenger-common';
import {
  hostToPanel,
  matrixKeyOf,
  PANEL_ORIGIN,
  panelToHost,
  type ExportFormat,
  type HostToPanel,
  type PanelCommand,
  type PanelStatus,
  type PanelToHost,
} from '../protocol/attentionPanel';
import type { StepsView } from '../protocol/steps';
import type { Analyses, Analysis } from './analyses';
import type { Circuits } from './circuits';
import type { Log } from './log';
import type { SelectionStore } from './selection';
import type { TokenLatentsFeed } from './tokenLatents';
import { webviewOptions, webviewPage, webviewRoot } from './webviewPage';
import type { Work } from './work';

export const ATTENTION_VIEW = 'circuitscope.attention';
/** Pixels of a thumbnail. */
const THUMBNAIL = 84;

export interface PanelActions {
  command(name: PanelCommand): void;
  exportAs(format: ExportFormat, png?: Uint8Array): void;
  goToStep(index: number): void;
}

/** The one attention panel. It is sent everything when its script starts, and what changed from then on. */
export class AttentionPanel implements vscode.Disposable {
  private readonly messenger = new Messenger();
  private panel: vscode.WebviewPanel | undefined;
  private to: WebviewIdMessageParticipant | undefined;
  private listening = false;
  private sentMatrix = '';
  private sentThumbnails = '';
  private pngWanted = false;
  private status: PanelStatus = EMPTY;
  private steps: StepsView | undefined;
  private readonly disposables: vscode.Disposable[] = [];

  constructor(
    private readonly extensionUri: vscode.Uri,
    private readonly analyses: Analyses,
    private readonly selection: SelectionStore,
    private readonly circuits: Circuits,
    private readonly tokenLatents: TokenLatentsFeed,
    work: Work,
    private readonly log: Log,
    actions: PanelActions,
  ) {
    this.on(panelToHost.ready, () => this.sendAll());
    this.on(panelToHost.select, ({ event, seq }) => this.selection.apply(event, PANEL_ORIGIN, seq));
    this.on(panelToHost.command, (name) => actions.command(name));
    this.on(panelToHost.exportAs, ({ format, png }) => actions.exportAs(format, png));
    this.on(panelToHost.goToStep, (index) => actions.goToStep(index));
    this.disposables.push(
      analyses.onDidChange(() => this.sendView()),
      circuits.onDidChange(() => this.sendView()),
      selection.onDidChange((message) => {
        this.send(hostToPanel.selection, message);
        this.sendPictures();
      }),
      tokenLatents.onDidChange((now) => this.send(hostToPanel.latents, now)),
      work.onDidChange((progress) => this.setStatus(progress ? { kind: 'busy', ...progress } : this.resting())),
    );
  }

  get isOpen(): boolean {
    return this.panel !== undefined;
  }

  /** Beside the editor, which keeps the focus. */
  show(): void {
    if (this.panel) {
      this.panel.reveal(undefined, true);
      return;
    }
    const place = { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true };
    this.adopt(vscode.window.createWebviewPanel(ATTENTION_VIEW, vscode.l10n.t('Attention'), place));
  }

  /** Takes over a panel that VS Code made (after a reload) or that `show` made. */
  adopt(panel: vscode.WebviewPanel): void {
    this.panel?.dispose();
    this.panel = panel;
    this.listening = false;
    const root = webviewRoot(this.extensionUri);
    panel.webview.options = webviewOptions(root);
    panel.iconPath = vscode.Uri.joinPath(this.extensionUri, 'media', 'activity.svg');
    this.to = this.messenger.registerWebviewPanel(panel);
    panel.onDidDispose(() => {
      if (this.panel === panel) this.panel = this.to = undefined;
    });
    panel.webview.html = webviewPage(panel.webview, root, 'attention', vscode.l10n.t('Attention'));
  }

  /** Shown in the panel itself, where there is no analysis that it would hide. */
  showError(message: string): void {
    this.setStatus(this.analyses.current ? { kind: 'ready' } : { kind: 'error', message });
  }

  /** The slider over the steps of a training, where the open checkpoint is one. */
  showSteps(steps: StepsView | undefined): void {
    this.steps = steps;
    this.send(hostToPanel.steps, steps ?? null);
  }

  /** Asks the panel for a picture once it has what it draws; it may only be opening. */
  requestPng(): void {
    this.pngWanted = true;
    this.sentMatrix = '';
    this.sendPictures();
  }

  private on<K extends keyof PanelToHost>(method: K, handler: (params: PanelToHost[K]) => void): void {
    this.disposables.push(this.messenger.onNotification<PanelToHost[K]>({ method }, handler));
  }

  private send<K extends keyof HostToPanel>(method: K, params: HostToPanel[K]): void {
    if (this.to && this.listening) this.messenger.sendNotification({ method }, this.to, params);
  }

  private resting(): PanelStatus {
    if (this.analyses.current) return { kind: 'ready' };
    return this.status.kind === 'error' ? this.status : EMPTY;
  }

  private setStatus(status: PanelStatus): void {
    this.status = status;
    this.send(hostToPanel.status, status);
  }

  private sendAll(): void {
    this.listening = true;
    this.sentMatrix = this.sentThumbnails = '';
    this.send(hostToPanel.status, this.status.kind === 'busy' ? this.status : this.resting());
    this.sendView();
    this.send(hostToPanel.latents, this.tokenLatents.now);
    this.send(hostToPanel.steps, this.steps ?? null);
  }

  private sendView(): void {
    const { current } = this.analyses;
    if (!current) {
      this.setStatus(this.resting());
      return;
    }
    const { checkpoint, info, source, stale } = current;
    const headNames = this.circuits.names(checkpoint) ?? [];
    const view = { checkpoint, analysis: info, text: source.text, sourceName: source.name, stale, headNames };
    this.send(hostToPanel.view, view);
    this.send(hostToPanel.selection, { selection: this.selection.value, origin: 'host', seq: 0 });
    if (this.status.kind !== 'busy') this.setStatus({ kind: 'ready' });
    this.sendPictures();
  }

  private sendPictures(): void {
    const { current } = this.analyses;
    if (!current || !this.listening || current.checkpoint.nLayers === 0) return;
    // what failed is asked for again with the next change
    void this.sendThumbnails(current).catch((error: unknown) => {
      this.sentThumbnails = '';
      this.log.error(`Thumbnails: ${String(error)}`);
    });
    void this.sendMatrix(current).catch((error: unknown) => {
      this.sentMatrix = '';
      this.pngWanted = false;
      this.log.error(`Pattern: ${String(error)}`);
    });
  }

  private async sendThumbnails(analysis: Analysis): Promise<void> {
    const { weighting } = this.selection.value;
    const wanted = `${analysis.info.id} ${weighting}`;
    if (this.sentThumbnails === wanted) return;
    this.sentThumbnails = wanted;
    const thumbnails = await this.analyses.thumbnails(analysis, weighting, THUMBNAIL);
    this.send(hostToPanel.thumbnails, { analysisId: analysis.info.id, weighting, thumbnails });
  }

  private async sendMatrix(analysis: Analysis): Promise<void> {
    const wanted = JSON.stringify(matrixKeyOf(analysis.info.id, this.selection.value));
    if (this.sentMatrix === wanted) return;
    this.sentMatrix = wanted;
    const key = matrixKeyOf(analysis.info.id, this.selection.value);
    const matrix = await this.analyses.matrix(analysis, key);
    this.send(hostToPanel.matrix, { key: { ...key, analysisId: analysis.info.id }, matrix });
    if (!this.pngWanted) return;
    this.pngWanted = false;
    this.send(hostToPanel.requestPng, null);
  }

  dispose(): void {
    this.panel?.dispose();
    this.disposables.forEach((d) => d.dispose());
  }
}

const EMPTY: PanelStatus = {
  kind: 'empty',
  message: vscode.l10n.t('Select code or text in an editor and analyze it: the attention of every head appears here.'),
};
