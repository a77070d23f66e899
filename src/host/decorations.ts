import * as vscode from 'vscode';
import { matrixKeyOf, PANEL_ORIGIN } from '../protocol/attentionPanel';
import { LATENTS_ORIGIN } from '../protocol/latentsPanel';
import { focusLatent, latentTint } from '../protocol/latents/focus';
import { focusToken, lockedToken } from '../protocol/selection';
import { documentOf, type Analyses, type Analysis } from './analyses';
import { createDecorationTypes, tintStep, type DecorationTypes } from './decorationTypes';
import type { Latents } from './latents';
import type { SelectionStore } from './selection';

/** What is drawn in the code, by token. */
export interface Decorated {
  locked: number[];
  hovered: number[];
  same: number[];
  /** `[token, weight]` of the tinted ones. */
  tinted: [number, number][];
}

const NOTHING: Decorated = { locked: [], hovered: [], same: [], tinted: [] };

/** Draws analysis and selection into the editors that show the analyzed document, and follows their cursor. */
export class Decorations implements vscode.Disposable {
  /** Made by the first analysis that is drawn. */
  private types: DecorationTypes | undefined;
  private readonly disposables: vscode.Disposable[];
  /** Counts updates: only the latest draws. */
  private turn = 0;
  /** What is drawn now. */
  current: Decorated = NOTHING;

  constructor(
    private readonly analyses: Analyses,
    private readonly selection: SelectionStore,
    private readonly latents: Latents,
  ) {
    this.disposables = [
      analyses.onDidChange(() => void this.update()),
      latents.onDidChange(() => void this.update()),
      selection.onDidChange(({ origin }) => void this.update([PANEL_ORIGIN, LATENTS_ORIGIN].includes(origin))),
      vscode.window.onDidChangeVisibleTextEditors(() => void this.update()),
      vscode.window.onDidChangeActiveColorTheme(({ kind }) => {
        if (!this.types) return;
        this.types.dispose();
        this.types = createDecorationTypes(kind);
        void this.update();
      }),
      vscode.window.onDidChangeTextEditorSelection((e) => this.cursorMoved(e)),
    ];
  }

  /** @param reveal scrolls a locked token into view */
  private async update(reveal = false): Promise<void> {
    const analysis = this.analyses.current;
    const turn = ++this.turn;
    const weights = analysis && (await this.weights(analysis));
    if (turn !== this.turn) return; // the selection has moved on while a pattern was fetched
    this.current = analysis ? decorated(analysis, this.selection, weights) : NOTHING;
    const shown = analysis && documentOf(analysis);
    for (const editor of vscode.window.visibleTextEditors) {
      if (analysis && editor.document === shown) this.draw(editor, analysis, reveal);
      else this.clear(editor);
    }
  }

  /**
   * Weight of every token: the activation of the latent in focus, else for the token in focus its row or its column of the
   * matrix that is drawn.
   */
  private async weights(analysis: Analysis): Promise<((token: number) => number) | undefined> {
    const latent = focusLatent(this.selection.value);
    const encoding = latent && this.latents.encodingNow(analysis);
    if (encoding) {
      const tint = latentTint(encoding, latent);
      return (token) => tint[token] ?? 0;
    }
    const focus = focusToken(this.selection.value);
    if (!focus || analysis.checkpoint.nLayers === 0) return undefined;
    try {
      const { n, values } = await this.analyses.matrix(analysis, matrixKeyOf(analysis.info.id, this.selection.value));
      const row = focus.side === 'destination';
      return (token) => values[row ? focus.token * n + token : token * n + focus.token] ?? 0;
    } catch {
      return undefined; // the panel asks for the same matrix and reports what is wrong
    }
  }

  private draw(editor: vscode.TextEditor, analysis: Analysis, reveal: boolean): void {
    const { document } = editor;
    const range = (token: number): vscode.Range[] => {
      const at = analysis.tracked?.token(token);
      return at && at.end > at.start
        ? [new vscode.Range(document.positionAt(at.start), document.positionAt(at.end))]
        : [];
    };
    const ranges = (tokens: number[]): vscode.Range[] => tokens.flatMap(range);
    const { locked, hovered, same, tinted } = this.current;
    const types = (this.types ??= createDecorationTypes(vscode.window.activeColorTheme.kind));
    editor.setDecorations(types.analyzed, analyzedRange(document, analysis));
    editor.setDecorations(types.locked, ranges(locked));
    editor.setDecorations(types.hovered, ranges(hovered));
    editor.setDecorations(types.same, ranges(same));
    types.tints.forEach((type, step) =>
      editor.setDecorations(type, ranges(tinted.filter(([, w]) => tintStep(w) === step).map(([token]) => token))),
    );
    const [first] = ranges(locked);
    if (reveal && first) editor.revealRange(first, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
  }

  private clear(editor: vscode.TextEditor): void {
    if (!this.types) return;
    const { analyzed, locked, hovered, same, tints } = this.types;
    for (const type of [analyzed, locked, hovered, same, ...tints]) editor.setDecorations(type, []);
  }

  private cursorMoved({ textEditor, selections }: vscode.TextEditorSelectionChangeEvent): void {
    const analysis = this.analyses.current;
    if (!analysis || documentOf(analysis) !== textEditor.document) return;
    const offset = textEditor.document.offsetAt(selections[0]!.active);
    const token = analysis.tracked?.tokenAt(offset);
    this.selection.apply(token === undefined ? { kind: 'leave' } : { kind: 'hoverToken', token }, 'editor');
  }

  dispose(): void {
    this.turn++; // what waits for a pattern draws no more
    this.types?.dispose();
    this.disposables.forEach((d) => d.dispose());
  }
}

function decorated(analysis: Analysis, selection: SelectionStore, weights?: (token: number) => number): Decorated {
  const { locked, preview } = selection.value;
  const { tokens } = analysis.info;
  const lockedTokens = both(locked.destination, locked.source);
  const subject = lockedToken(selection.value);
  const text = subject === undefined ? undefined : tokens[subject]?.text;
  const hovered = both(preview.destination, preview.source).filter((token) => !lockedTokens.includes(token));
  const indices = [...tokens.keys()];
  return {
    locked: lockedTokens,
    hovered,
    same: indices.filter((i) => text !== undefined && tokens[i]!.text === text && !lockedTokens.includes(i)),
    tinted: weights
      ? indices.map((i): [number, number] => [i, weights(i)]).filter(([, weight]) => tintStep(weight) !== undefined)
      : [],
  };
}

const both = (a: number | undefined, b: number | undefined): number[] =>
  [...new Set([a, b])].filter((token) => token !== undefined);

/** The lines of the analyzed text, for the mark in the gutter. */
function analyzedRange(document: vscode.TextDocument, { tracked }: Analysis): vscode.Range[] {
  if (!tracked || tracked.range.end <= tracked.range.start) return [];
  const { start, end } = tracked.range;
  // a text that ends with a line feed does not reach into the next line
  return [new vscode.Range(document.positionAt(start), document.positionAt(end - 1))];
}
