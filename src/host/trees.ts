import * as vscode from 'vscode';
import { headName, type CheckpointInfo, type HeadRef } from '../protocol/checkpoint';
import { scoreLabels } from '../protocol/circuits';
import { focusToken, type HeadPair, type Selection } from '../protocol/selection';
import { plural, visibleText } from '../protocol/tokens';
import type { Analyses, Analysis } from './analyses';
import type { Checkpoints } from './checkpoints';
import type { Circuits } from './circuits';
import { formatBytes, formatParams, providerName } from './format';
import type { SelectionStore } from './selection';

/** A line of the Checkpoints view. */
export type CheckpointNode =
  | { kind: 'checkpoint'; checkpoint: CheckpointInfo }
  | { kind: 'layer'; checkpoint: CheckpointInfo; layer: number }
  | { kind: 'head'; checkpoint: CheckpointInfo; at: HeadRef };

/** The checkpoint that a context menu was opened on. */
export const checkpointOf = (node: unknown): CheckpointInfo | undefined =>
  typeof node === 'object' && node !== null && 'checkpoint' in node ? (node as CheckpointNode).checkpoint : undefined;

/** `induction 0.88`, …: the names of a head with their scores. */
const namesOf = (circuits: Circuits, checkpoint: CheckpointInfo, { layer, head }: HeadRef): string[] =>
  (circuits.names(checkpoint)?.[layer * checkpoint.nHeads + head] ?? []).map(
    ({ name, score }) => `${scoreLabels[name]} ${score.toFixed(2)}`,
  );

/** A provider whose tree changes as a whole. */
abstract class Tree<T> implements vscode.TreeDataProvider<T>, vscode.Disposable {
  protected readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChangeTreeData = this.changed.event;
  protected readonly disposables: vscode.Disposable[] = [this.changed];
  abstract getTreeItem(element: T): vscode.TreeItem;
  abstract getChildren(element?: T): T[];

  dispose(): void {
    this.disposables.forEach((d) => d.dispose());
  }
}

/** Open checkpoints, their layers and heads. */
export class CheckpointsTree extends Tree<CheckpointNode> {
  constructor(
    private readonly checkpoints: Checkpoints,
    private readonly circuits: Circuits,
  ) {
    super();
    this.disposables.push(
      checkpoints.onDidChange(() => this.changed.fire()),
      circuits.onDidChange(() => this.changed.fire()),
    );
  }

  getTreeItem(node: CheckpointNode): vscode.TreeItem {
    const { checkpoint: c } = node;
    switch (node.kind) {
      case 'checkpoint': {
        const open = this.checkpoints.active === c;
        const state = open ? vscode.TreeItemCollapsibleState.Expanded : vscode.TreeItemCollapsibleState.Collapsed;
        const item = new vscode.TreeItem(c.name, state);
        item.id = c.path;
        item.description = `${formatParams(c.nParams)} · ${c.architecture} · ${providerName(c.provider)}`;
        item.tooltip = `${c.path}\n${c.nLayers} layers, ${c.nHeads} heads, d_model ${c.dModel}, context ${c.nCtx}\n${formatBytes(c.bytes)} of ${c.dtypes.join(', ')}`;
        item.iconPath = new vscode.ThemeIcon('circuit-board');
        item.contextValue = 'checkpoint';
        return item;
      }
      case 'layer': {
        const item = new vscode.TreeItem(`Layer ${node.layer}`, vscode.TreeItemCollapsibleState.Collapsed);
        item.id = `${c.path}/${node.layer}`;
        item.description = plural(c.nHeads, 'head');
        return item;
      }
      case 'head': {
        const item = new vscode.TreeItem(headName(node.at));
        item.id = `${c.path}/${headName(node.at)}`;
        const said = namesOf(this.circuits, c, node.at);
        item.description = said[0] ?? '';
        if (said.length > 0) item.tooltip = `${headName(node.at)}: ${said.join(', ')}`;
        item.command = { command: 'circuitscope.showHead', title: 'Show Head', arguments: [node.at, c.path] };
        return item;
      }
    }
  }

  getChildren(node?: CheckpointNode): CheckpointNode[] {
    if (!node) return this.checkpoints.all.map((checkpoint) => ({ kind: 'checkpoint', checkpoint }));
    const { checkpoint } = node;
    if (node.kind === 'checkpoint')
      return Array.from({ length: checkpoint.nLayers }, (_, layer) => ({ kind: 'layer', checkpoint, layer }));
    if (node.kind === 'head') return [];
    const { layer } = node;
    return Array.from({ length: checkpoint.nHeads }, (_, head) => ({ kind: 'head', checkpoint, at: { layer, head } }));
  }

  getParent(node: CheckpointNode): CheckpointNode | undefined {
    const { checkpoint } = node;
    if (node.kind === 'head') return { kind: 'layer', checkpoint, layer: node.at.layer };
    return node.kind === 'layer' ? { kind: 'checkpoint', checkpoint } : undefined;
  }
}

/** A picture of an analysis. */
interface AnalysisView {
  of: Analysis;
  label: string;
  icon: string;
  command: string;
}
const VIEWS: Omit<AnalysisView, 'of'>[] = [
  { label: 'Attention', icon: 'eye', command: 'circuitscope.showAttention' },
  { label: 'Circuits', icon: 'type-hierarchy', command: 'circuitscope.showCircuits' },
  { label: 'Paths', icon: 'git-merge', command: 'circuitscope.showPaths' },
  { label: 'Term Importance', icon: 'graph', command: 'circuitscope.showImportance' },
  { label: 'Logit Lens', icon: 'layers', command: 'circuitscope.showLens' },
];

/** The latest analyses; a click goes back to one, or to one of its pictures. */
export class AnalysesTree extends Tree<Analysis | AnalysisView> {
  constructor(private readonly analyses: Analyses) {
    super();
    this.disposables.push(analyses.onDidChange(() => this.changed.fire()));
  }

  getTreeItem(node: Analysis | AnalysisView): vscode.TreeItem {
    return 'of' in node ? viewItem(node) : this.analysisItem(node);
  }

  private analysisItem(analysis: Analysis): vscode.TreeItem {
    const { source, info, checkpoint, stale } = analysis;
    const current = analysis === this.analyses.current;
    const { Expanded, Collapsed } = vscode.TreeItemCollapsibleState;
    const item = new vscode.TreeItem(source.name, current ? Expanded : Collapsed);
    const parts = [plural(info.tokens.length, 'token'), checkpoint.name, ...(stale ? ['edited since'] : [])];
    item.description = parts.join(' · ');
    item.iconPath = new vscode.ThemeIcon(current ? 'circle-filled' : 'history');
    item.tooltip = source.text.slice(0, 400);
    item.command = { command: 'circuitscope.showAttention', title: 'Show Attention', arguments: [analysis] };
    return item;
  }

  getChildren(node?: Analysis | AnalysisView): (Analysis | AnalysisView)[] {
    if (!node) return [...this.analyses.all];
    return 'of' in node ? [] : VIEWS.map((view) => ({ ...view, of: node }));
  }
}

function viewItem({ of, label, icon, command }: AnalysisView): vscode.TreeItem {
  const item = new vscode.TreeItem(label);
  item.iconPath = new vscode.ThemeIcon(icon);
  item.command = { command, title: `Show ${label}`, arguments: [of] };
  return item;
}

interface Line {
  label: string;
  description: string;
  icon?: string;
}

/** The selection in words, so that it can be read when the panel is hidden. */
export class SelectionTree extends Tree<Line> {
  constructor(
    private readonly analyses: Analyses,
    private readonly selection: SelectionStore,
    private readonly circuits: Circuits,
  ) {
    super();
    this.disposables.push(
      analyses.onDidChange(() => this.changed.fire()),
      selection.onDidChange(() => this.changed.fire()),
      circuits.onDidChange(() => this.changed.fire()),
    );
  }

  getTreeItem({ label, description, icon }: Line): vscode.TreeItem {
    const item = new vscode.TreeItem(label);
    item.description = description;
    if (icon) item.iconPath = new vscode.ThemeIcon(icon);
    return item;
  }

  getChildren(line?: Line): Line[] {
    const { current } = this.analyses;
    return line || !current ? [] : selectionLines(current, this.selection.value, this.circuits);
  }
}

export function selectionLines({ info, checkpoint }: Analysis, s: Selection, circuits: Circuits): Line[] {
  const tokenLine = (token: number | undefined, role: string, icon: string): Line[] =>
    token === undefined || !info.tokens[token]
      ? []
      : [{ label: visibleText(info.tokens[token].text), description: `token ${token} · ${role}`, icon }];
  const heads = plural(info.nLayers * info.nHeads, 'head');
  const what = s.reduction === 'one' ? headName(s.head) : `${s.reduction} of ${heads}`;
  const { destination, source } = s.locked;
  const tokenLock = destination !== undefined || source !== undefined;
  const [name] = s.reduction === 'one' ? namesOf(circuits, checkpoint, s.head) : [];
  const weights = s.weighting === 'pattern' ? 'weights' : 'value-weighted';
  const preview = tokenLock ? undefined : focusToken(s);
  return [
    ...tokenLine(destination, 'destination', 'pinned'),
    ...tokenLine(source, 'source', 'pinned'),
    ...tokenLine(preview?.token, preview?.side ?? '', 'circle-outline'),
    ...(s.pair ? [pairLine(s.pair)] : []),
    { label: what, description: name ? `${name} · ${weights}` : weights, icon: 'eye' },
    { label: '', description: tokenLock || s.pair ? 'Esc unlocks' : 'click or Enter locks a token' },
  ];
}

const pairLine = ({ earlier, later, kind }: HeadPair): Line => ({
  label: `${headName(earlier)} → ${headName(later)}`,
  description: `${kind}-composition`,
  icon: 'pinned',
});

/** Keeps the tree's own selection on the head that is shown, while the tree can be seen. */
export function followHead(
  view: vscode.TreeView<CheckpointNode>,
  checkpoints: Checkpoints,
  analyses: Analyses,
  selection: SelectionStore,
): vscode.Disposable {
  let shown = '';
  const follow = (): void => {
    const { current } = analyses;
    const { head: at, reduction } = selection.value;
    const checkpoint = current && checkpoints.at(current.checkpoint.path);
    if (!view.visible || !checkpoint || reduction !== 'one' || at.layer >= checkpoint.nLayers) return;
    const name = `${checkpoint.path} ${headName(at)}`;
    if (name === shown) return;
    shown = name;
    // the tree may be filling at this moment; the next change tries again
    view.reveal({ kind: 'head', checkpoint, at }, { select: true, focus: false }).then(undefined, () => (shown = ''));
  };
  return vscode.Disposable.from(
    selection.onDidChange(follow),
    analyses.onDidChange(follow),
    view.onDidChangeVisibility(() => ((shown = ''), follow())),
  );
}
