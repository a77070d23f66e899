import * as vscode from 'vscode';
import type { CheckpointInfo } from '../protocol/checkpoint';
import { initialSelection, reduceSelection, type Selection, type SelectionEvent } from '../protocol/selection';
import type { SelectionMessage } from '../protocol/attentionPanel';

/** The one selection of the current analysis. Every view sends its events here and draws what comes back. */
export class SelectionStore implements vscode.Disposable {
  private current: Selection = initialSelection();
  private shape = '';
  private readonly changed = new vscode.EventEmitter<SelectionMessage>();
  readonly onDidChange = this.changed.event;

  get value(): Selection {
    return this.current;
  }

  apply(event: SelectionEvent, origin: string, seq = 0): void {
    this.set(reduceSelection(this.current, event), origin, seq);
  }

  /** For another analysis: locks go, the view's settings stay; the head too when the model has the same shape. */
  reset({ architecture, nLayers, nHeads }: CheckpointInfo): void {
    const shape = [architecture, nLayers, nHeads].join();
    const { head, side, reduction, weighting } = this.current;
    const kept = shape === this.shape ? { head, reduction } : {};
    this.shape = shape;
    this.set({ ...initialSelection(), side, weighting, ...kept }, 'host', 0);
  }

  /** As saved before a reload. */
  restore(selection: Selection): void {
    this.set({ ...selection, preview: {}, previewHead: undefined }, 'host', 0);
  }

  private set(selection: Selection, origin: string, seq: number): void {
    this.current = selection;
    const locked = selection.locked.destination !== undefined || selection.locked.source !== undefined;
    void vscode.commands.executeCommand('setContext', 'circuitscope.locked', locked);
    this.changed.fire({ selection, origin, seq });
  }

  dispose(): void {
    this.changed.dispose();
  }
}
