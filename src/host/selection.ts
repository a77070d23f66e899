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

  /** For another analysis: locks go, the view's settings stay; head and composition too when the model has the same shape. */
  reset({ architecture, nLayers, nHeads }: CheckpointInfo): void {
    const shape = [architecture, nLayers, nHeads].join();
    const { head, side, reduction, weighting, pair } = this.current;
    const kept = shape === this.shape ? { head, reduction, ...(pair && { pair }) } : {};
    this.shape = shape;
    this.set({ ...initialSelection(), side, weighting, ...kept }, 'host', 0);
  }

  /** As saved before a reload. */
  restore(selection: Selection): void {
    this.set({ ...selection, preview: {}, previewHead: undefined, previewPair: undefined }, 'host', 0);
  }

  private set(selection: Selection, origin: string, seq: number): void {
    this.current = selection;
    const { locked: token, pair } = selection;
    const locked = token.destination !== undefined || token.source !== undefined || pair !== undefined;
    void vscode.commands.executeCommand('setContext', 'circuitscope.locked', locked);
    this.changed.fire({ selection, origin, seq });
  }

  dispose(): void {
    this.changed.dispose();
  }
}
