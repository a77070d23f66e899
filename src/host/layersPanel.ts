import * as vscode from 'vscode';
import type { CheckpointInfo } from '../protocol/checkpoint';
import type { SaeInfo } from '../protocol/latents';
import type { CorpusSummary } from '../protocol/latents/corpus';
import type { Splice } from '../protocol/latents/effects';
import type { Encoding } from '../protocol/latents/encoding';
import {
  hostToLayers,
  LAYERS_ORIGIN,
  layersToHost,
  type HostToLayers,
  type LayersCommand,
  type LayersOfCorpus,
  type LayersOfPrompt,
  type LayersStatus,
  type LayersToHost,
  type LayersView,
  type SpliceState,
} from '../protocol/layersPanel';
import type { Analyses, Analysis } from './analyses';
import type { Checkpoints } from './checkpoints';
import { copyLayersCode } from './copyCode';
import { saveFile } from './exportCircuits';
import type { Latents } from './latents';
import type { Log } from './log';
import { runPanelCommand } from './panelCommand';
import type { SelectionStore } from './selection';
import { SinglePanel } from './singlePanel';
import { sentence, Work } from './work';

export const LAYERS_VIEW = 'circuitscope.layers';

/** The page itself shows progress; what takes longer than this has a notification too. */
const PATIENCE_MS = 3000;
const SPLICING = vscode.l10n.t('Loss with reconstructions');

const EMPTY: Record<'checkpoint' | 'sae' | 'text', Omit<Extract<LayersStatus, { kind: 'empty' }>, 'kind'>> = {
  checkpoint: {
    message: vscode.l10n.t(
      'Open a checkpoint and its sparse autoencoder: how well it does at every layer appears here.',
    ),
    commands: ['openCheckpoint', 'openSample'],
  },
  sae: {
    message: vscode.l10n.t(
      'Open a sparse autoencoder for this checkpoint: how well it does at every layer appears here.',
    ),
    commands: ['openSae'],
  },
  text: {
    message: vscode.l10n.t(
      'Select code or text in an editor and analyze it, or sweep a corpus: the layers appear here.',
    ),
    commands: ['analyzeSelection', 'sweepCorpus', 'openSweep'],
  },
};

export interface LayersParts {
  extensionUri: vscode.Uri;
  checkpoints: Checkpoints;
  analyses: Analyses;
  selection: SelectionStore;
  latents: Latents;
  log: Log;
}

/** How well the autoencoder in use does at every layer, on the current text and on a corpus. */
export class LayersPanel implements vscode.Disposable {
  private readonly panel: SinglePanel<HostToLayers, LayersToHost>;
  private readonly work: Work;
  /** Which autoencoder and text are shown. */
  private about = '';
  /** What was spliced last, and of what. */
  private splicing: { about: string; state: SpliceState } = { about: '', state: { kind: 'none' } };
  private readonly disposables: vscode.Disposable[] = [];

  constructor(private readonly parts: LayersParts) {
    const { analyses, checkpoints, selection, latents, log } = parts;
    this.work = new Work(log, PATIENCE_MS);
    const { extensionUri } = parts;
    const about = {
      extensionUri,
      view: LAYERS_VIEW,
      page: 'layers',
      title: vscode.l10n.t('Layers'),
      closed: () => this.work.cancel(),
    };
    const panel = (this.panel = new SinglePanel(about, layersToHost.ready, () => void this.refresh()));
    panel.on(layersToHost.select, ({ event, seq }) => selection.apply(event, LAYERS_ORIGIN, seq));
    panel.on(layersToHost.command, (name) => this.command(name));
    panel.on(layersToHost.splice, () => void this.splice());
    panel.on(layersToHost.copy, (text) => void vscode.env.clipboard.writeText(text));
    panel.on(layersToHost.save, (file) => void saveFile(file));
    this.disposables.push(
      panel,
      this.work,
      this.work.onDidChange((progress) => progress && this.setSplicing({ kind: 'busy', ...progress })),
      ...[analyses, checkpoints, latents].map(({ onDidChange }) => onDidChange(() => void this.refresh())),
      selection.onDidChange((message) => this.panel.send(hostToLayers.selection, message)),
    );
  }

  /** Beside the editor, which keeps the focus. */
  show(): void {
    this.panel.show();
  }

  /** The loss with reconstructions was measured on the current text. */
  get spliced(): boolean {
    const { sae, analysis } = this.subject();
    return this.splicing.state.kind === 'ready' && this.splicing.about === aboutOf(sae, analysis);
  }

  /** Takes over a panel that VS Code made, after a reload. */
  adopt(panel: vscode.WebviewPanel): void {
    this.panel.adopt(panel);
  }

  private command(name: LayersCommand): void {
    const { sae, analysis } = this.subject();
    if (name === 'cancel') this.work.cancel();
    else if (name === 'copyCode') void (sae && analysis && copyLayersCode(analysis, sae));
    else runPanelCommand(name, 'layers');
  }

  private setStatus(status: LayersStatus): void {
    this.panel.send(hostToLayers.status, status);
  }

  private setSplicing(state: SpliceState): void {
    // the panel may be about another text by now
    if (this.splicing.about !== this.about) return;
    this.splicing.state = state;
    this.panel.send(hostToLayers.splice, state);
  }

  /** Checkpoint, autoencoder and text that the panel is about. */
  private subject(): { checkpoint?: CheckpointInfo; sae?: SaeInfo; analysis?: Analysis } {
    const { checkpoints, analyses, latents } = this.parts;
    const checkpoint = checkpoints.active;
    const sae = checkpoint && latents.of(checkpoint);
    const { current } = analyses;
    return {
      ...(checkpoint && { checkpoint }),
      ...(sae && { sae }),
      ...(current && current.checkpoint.path === checkpoint?.path && { analysis: current }),
    };
  }

  private async refresh(): Promise<void> {
    if (!this.panel.isListening) return;
    const { checkpoint, sae, analysis } = this.subject();
    const { latents, selection } = this.parts;
    const corpus = sae && latents.corpus(sae);
    const about = aboutOf(sae, analysis);
    if (about !== this.about) {
      this.work.cancel();
      this.about = about;
    }
    if (!checkpoint || !sae || (!analysis && !corpus)) {
      const missing = !checkpoint ? 'checkpoint' : !sae ? 'sae' : 'text';
      this.setStatus({ kind: 'empty', ...EMPTY[missing] });
      return;
    }
    const failed = analysis && latents.encodingError(analysis);
    if (failed !== undefined) {
      // asked again it would fail again, and say so again
      this.setStatus({ kind: 'error', message: failed });
      return;
    }
    if (analysis && !latents.encodingNow(analysis)) {
      this.setStatus({
        kind: 'busy',
        message: vscode.l10n.t('Encoding {0} with {1}…', analysis.source.name, sae.label),
      });
    }
    try {
      const encoding = analysis && (await latents.encoding(analysis));
      if (about !== this.about) return;
      this.panel.send(hostToLayers.view, viewOf(checkpoint, sae, analysis, encoding, latents.corpus(sae)));
      this.panel.send(hostToLayers.selection, { selection: selection.value, origin: 'host', seq: 0 });
      this.panel.send(hostToLayers.splice, this.splicing.about === about ? this.splicing.state : { kind: 'none' });
      this.setStatus({ kind: 'ready' });
    } catch (error) {
      if (about === this.about) this.setStatus({ kind: 'error', message: sentence(vscode.l10n.t('Encoding'), error) });
    }
  }

  /** Loss delta, KL and changed predictions of the current text. */
  private async splice(): Promise<void> {
    const { sae, analysis } = this.subject();
    if (!sae || !analysis) return;
    this.splicing = { about: this.about, state: { kind: 'none' } };
    const { splicing } = this;
    let failed: string | undefined;
    const ids = analysis.info.tokens.map(({ id }) => id);
    const splice: Splice | undefined = await this.work.run(
      SPLICING,
      (token, onProgress) => this.parts.latents.ask('splice', sae, { ids }, { token, onProgress }),
      (message) => (failed = message),
    );
    if (splicing !== this.splicing) return;
    if (splice) this.setSplicing({ kind: 'ready', splice });
    else this.setSplicing(failed === undefined ? { kind: 'none' } : { kind: 'error', message: failed });
  }

  dispose(): void {
    this.disposables.forEach((d) => d.dispose());
  }
}

const aboutOf = (sae?: SaeInfo, analysis?: Analysis): string => JSON.stringify([sae?.path, analysis?.info.id]);

function viewOf(
  checkpoint: CheckpointInfo,
  sae: SaeInfo,
  analysis: Analysis | undefined,
  encoding: Encoding | undefined,
  corpus: CorpusSummary | undefined,
): LayersView {
  return {
    checkpoint,
    sae,
    stale: analysis?.stale ?? false,
    ...(analysis && { sourceName: analysis.source.name }),
    ...(encoding && { prompt: layersOfPrompt(encoding) }),
    ...(corpus && { corpus: layersOfCorpus(corpus) }),
  };
}

const layersOfPrompt = (e: Encoding): LayersOfPrompt => {
  const { nTokens, layers, max, bins, perLayer, adjacent, varianceRatios, notices } = e;
  return { nTokens, layers, max, bins, perLayer, adjacent, varianceRatios, notices };
};

const layersOfCorpus = (c: CorpusSummary): LayersOfCorpus => {
  const { dir, tokens, documents, layers, perLayer, adjacent, varianceRatios, dead, complete, notices } = c;
  return { dir, tokens, documents, layers, perLayer, adjacent, varianceRatios, dead, complete, notices };
};
