import * as vscode from 'vscode';
import { documentOf, type Analyses } from './analyses';
import type { Latents } from './latents';
import { tokenCount } from './words';

/** Above the analyzed range: what was analyzed, and what can be done with it. */
export class AnalysisCodeLens implements vscode.CodeLensProvider, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChangeCodeLenses = this.changed.event;
  private readonly subscription: vscode.Disposable;

  constructor(
    private readonly analyses: Analyses,
    private readonly latents: Latents,
  ) {
    const events = [analyses.onDidChange, latents.onDidChange];
    this.subscription = vscode.Disposable.from(...events.map((on) => on(() => this.changed.fire())));
  }

  provideCodeLenses(document: vscode.TextDocument): vscode.CodeLens[] {
    const analysis = this.analyses.current;
    if (!analysis?.tracked || documentOf(analysis) !== document) return [];
    const at = document.positionAt(analysis.tracked.range.start);
    const lens = (title: string, command: string): vscode.CodeLens =>
      new vscode.CodeLens(new vscode.Range(at, at), { title, command });
    const { checkpoint, info, stale } = analysis;
    const title = [
      checkpoint.name,
      tokenCount(info.tokens.length),
      ...(stale ? [vscode.l10n.t('edited since')] : []),
    ].join(' · ');
    return [
      lens(title, 'circuitscope.showAttention'),
      lens(vscode.l10n.t('Show attention'), 'circuitscope.showAttention'),
      ...(this.latents.of(checkpoint) ? [lens(vscode.l10n.t('Show latents'), 'circuitscope.showLatents')] : []),
      lens(stale ? vscode.l10n.t('Run again') : vscode.l10n.t('Re-run'), 'circuitscope.rerun'),
    ];
  }

  dispose(): void {
    this.subscription.dispose();
    this.changed.dispose();
  }
}
