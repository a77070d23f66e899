import * as vscode from 'vscode';
import type { CheckpointInfo } from '../protocol/checkpoint';
import { initialSelection, reduceSelection, type Selection, type SelectionEvent } from '../protocol/selection';
import type { SelectionMessage } from '../protocol/attentionPanel';

/** The one selection of the current analysis. Every view sends its events here and draws what comes back. */
export class SelectionStore implements vscode.Disposable {
  private current: Selection = initialSelection();
  private shape = '';
  private checkpoint = '';
  private readonly changed = new vscode.EventEmitter<SelectionMessage>();
  readonly onDidChange = this.changed.event;

  get value(): Selection {
    return this.current;
  }

  apply(event: SelectionEvent, origin: string, seq = 0): void {
    this.set(reduceSelection(this.current, event), origin, seq);
  }

  /**
   * For another analysis: locks go, the view's settings stay; head and composition too when the model has the same shape,
   * a latent when it is the same checkpoint.
   */
  reset({ architecture, nLayers, nHeads, path }: CheckpointInfo): void {
    const shape = [architecture, nLayers, nHeads].join();
    const { head, side, reduction, weighting, pair, latent, layer } = this.current;
    const kept = shape === this.shape ? { head, reduction, ...(pair && { pair }) } : {};
    const same = path === this.checkpoint && latent !== undefined;
    const keptLatent = same ? { latent, ...(layer !== undefined && { layer }) } : {};
    this.shape = shape;
    this.checkpoint = path;
    this.set({ ...initialSelection(), side, weighting, ...kept, ...keptLatent }, 'host', 0);
  }

  /** Another step of the same training on the same tokens: everything stays. */
  follow({ architecture, nLayers, nHeads, path }: CheckpointInfo): void {
    this.shape = [architecture, nLayers, nHeads].join();
    this.checkpoint = path;
    this.set(this.current, 'host', 0);
  }

  /** For another autoencoder, or none: its latents are others. */
  dropLatent(): void {
    const { latent, layer, previewLatent } = this.current;
    if (previewLatent !== undefined) this.apply({ kind: 'leave' }, 'host');
    if (latent !== undefined)
      this.apply({ kind: 'chooseLatent', latent, ...(layer !== undefined && { layer }) }, 'host');
  }

  /** As saved before a reload. */
  restore(selection: Selection): void {
    this.set(reduceSelection(selection, { kind: 'leave' }), 'host', 0);
  }

  private set(selection: Selection, origin: string, seq: number): void {
    this.current = selection;
    const { locked: token, pair, latent } = selection;
    const locked = [token.destination, token.source, pair, latent].some((each) => each !== undefined);
    void vscode.commands.executeCommand('setContext', 'circuitscope.locked', locked);
    this.changed.fire({ selection, origin, seq });
  }

  dispose(): void {
    this.changed.dispose();
  }
}
