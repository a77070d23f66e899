import * as vscode from 'vscode';
import { headName, type CheckpointInfo, type HeadRef } from '../protocol/checkpoint';
import type { SaeCandidate } from '../protocol/latents';
import type { Analyses, Analysis } from './analyses';
import type { Checkpoints } from './checkpoints';
import type { SaeChooser } from './chooseSae';
import type { Circuits } from './circuits';
import { formatBytes, formatParams, providerName } from './format';
import type { Latents } from './latents';
import type { SelectionStore } from './selection';
import { offerItem, saeItem, type CheckpointNode } from './treeNodes';
import { headCount, headNameLabels, tokenCount } from './words';

/** `induction 0.88`, …: the names of a head with their scores. */
export const namesOf = (circuits: Circuits, checkpoint: CheckpointInfo, { layer, head }: HeadRef): string[] =>
  (circuits.names(checkpoint)?.[layer * checkpoint.nHeads + head] ?? []).map(
    ({ name, score }) => `${headNameLabels[name]} ${score.toFixed(2)}`,
  );

/** A provider whose tree changes as a whole. */
export abstract class Tree<T> implements vscode.TreeDataProvider<T>, vscode.Disposable {
  protected readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChangeTreeData = this.changed.event;
  protected readonly disposables: vscode.Disposable[] = [this.changed];
  abstract getTreeItem(element: T): vscode.TreeItem;
  abstract getChildren(element?: T): T[];

  dispose(): void {
    this.disposables.forEach((d) => d.dispose());
  }
}

/** Open checkpoints, their layers and heads, and their autoencoders. */
export class CheckpointsTree extends Tree<CheckpointNode> {
  /** What lies beside a checkpoint, by its folder; looked for once. */
  private readonly offers = new Map<string, SaeCandidate | undefined>();

  constructor(
    private readonly checkpoints: Checkpoints,
    private readonly circuits: Circuits,
    private readonly latents: Latents,
    private readonly saeChooser: SaeChooser,
  ) {
    super();
    this.disposables.push(
      checkpoints.onDidChange(() => this.follow()),
      circuits.onDidChange(() => this.changed.fire()),
      latents.onDidChange(() => this.changed.fire()),
    );
  }

  private follow(): void {
    for (const checkpoint of this.checkpoints.all) if (!this.offers.has(checkpoint.path)) void this.look(checkpoint);
    this.changed.fire();
  }

  private async look(checkpoint: CheckpointInfo): Promise<void> {
    this.offers.set(checkpoint.path, undefined);
    const offer = await this.saeChooser.beside(checkpoint);
    this.offers.set(checkpoint.path, offer);
    if (offer) this.changed.fire();
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
        item.tooltip = checkpointTooltip(c);
        item.iconPath = new vscode.ThemeIcon('circuit-board');
        item.accessibilityInformation = { label: `${c.name}, ${item.description}` };
        item.contextValue = 'checkpoint';
        return item;
      }
      case 'layer': {
        const item = new vscode.TreeItem(
          vscode.l10n.t('Layer {0}', node.layer),
          vscode.TreeItemCollapsibleState.Collapsed,
        );
        item.id = `${c.path}/${node.layer}`;
        item.description = headCount(c.nHeads);
        return item;
      }
      case 'head': {
        const item = new vscode.TreeItem(headName(node.at));
        item.id = `${c.path}/${headName(node.at)}`;
        const said = namesOf(this.circuits, c, node.at);
        item.description = said[0] ?? '';
        if (said.length > 0) item.tooltip = `${headName(node.at)}: ${said.join(', ')}`;
        item.command = {
          command: 'circuitscope.showHead',
          title: vscode.l10n.t('Show Head'),
          arguments: [node.at, c.path],
        };
        return item;
      }
      case 'sae':
        return saeItem(node, this.latents.of(c)?.path === node.sae.path);
      case 'offer':
        return offerItem(node);
    }
  }

  getChildren(node?: CheckpointNode): CheckpointNode[] {
    if (!node) return this.checkpoints.all.map((checkpoint) => ({ kind: 'checkpoint', checkpoint }));
    const { checkpoint } = node;
    if (node.kind === 'checkpoint') {
      const layers = Array.from({ length: checkpoint.nLayers }, (_, layer) => layer);
      // first, so that they can be seen beside a model of many layers
      return [...this.saes(checkpoint), ...layers.map((layer) => ({ kind: 'layer' as const, checkpoint, layer }))];
    }
    if (node.kind !== 'layer') return [];
    const { layer } = node;
    return Array.from({ length: checkpoint.nHeads }, (_, head) => ({ kind: 'head', checkpoint, at: { layer, head } }));
  }

  private saes(checkpoint: CheckpointInfo): CheckpointNode[] {
    const open = this.latents.allOf(checkpoint);
    const offer = this.offers.get(checkpoint.path);
    if (open.length > 0 || !offer) return open.map((sae) => ({ kind: 'sae', checkpoint, sae }));
    return [{ kind: 'offer', checkpoint, offer }];
  }

  getParent(node: CheckpointNode): CheckpointNode | undefined {
    const { checkpoint } = node;
    if (node.kind === 'head') return { kind: 'layer', checkpoint, layer: node.at.layer };
    return node.kind === 'checkpoint' ? undefined : { kind: 'checkpoint', checkpoint };
  }
}

const checkpointTooltip = (c: CheckpointInfo): string =>
  [
    c.path,
    vscode.l10n.t('{0} layers, {1} heads, d_model {2}, context {3}', c.nLayers, c.nHeads, c.dModel, c.nCtx),
    vscode.l10n.t({
      message: '{0} of {1}',
      args: [formatBytes(c.bytes), c.dtypes.join(', ')],
      comment: ['Size of the weights, and their number formats'],
    }),
    vscode.l10n.t('Runs on {0}', providerName(c.provider)),
    ...c.providerNotes,
  ].join('\n');

/** A picture of an analysis. */
interface AnalysisView {
  of: Analysis;
  label: string;
  icon: string;
  command: string;
}
const VIEWS: Omit<AnalysisView, 'of'>[] = [
  { label: vscode.l10n.t('Attention'), icon: 'eye', command: 'circuitscope.showAttention' },
  { label: vscode.l10n.t('Circuits'), icon: 'type-hierarchy', command: 'circuitscope.showCircuits' },
  { label: vscode.l10n.t('Paths'), icon: 'git-merge', command: 'circuitscope.showPaths' },
  { label: vscode.l10n.t('Term Importance'), icon: 'graph', command: 'circuitscope.showImportance' },
  { label: vscode.l10n.t('Logit Lens'), icon: 'layers', command: 'circuitscope.showLens' },
];

/** With an autoencoder. */
const LATENT_VIEWS: Omit<AnalysisView, 'of'>[] = [
  { label: vscode.l10n.t('Latents'), icon: 'pulse', command: 'circuitscope.showLatents' },
  { label: vscode.l10n.t('Layers'), icon: 'graph-line', command: 'circuitscope.showLayers' },
];

/** The latest analyses; a click goes back to one, or to one of its pictures. */
export class AnalysesTree extends Tree<Analysis | AnalysisView> {
  constructor(
    private readonly analyses: Analyses,
    private readonly latents: Latents,
  ) {
    super();
    const events = [analyses.onDidChange, latents.onDidChange];
    this.disposables.push(...events.map((on) => on(() => this.changed.fire())));
  }

  getTreeItem(node: Analysis | AnalysisView): vscode.TreeItem {
    return 'of' in node ? viewItem(node) : this.analysisItem(node);
  }

  private analysisItem(analysis: Analysis): vscode.TreeItem {
    const { source, info, checkpoint, stale } = analysis;
    const current = analysis === this.analyses.current;
    const { Expanded, Collapsed } = vscode.TreeItemCollapsibleState;
    const item = new vscode.TreeItem(source.name, current ? Expanded : Collapsed);
    const parts = [tokenCount(info.tokens.length), checkpoint.name, ...(stale ? [vscode.l10n.t('edited since')] : [])];
    item.description = parts.join(' · ');
    item.iconPath = new vscode.ThemeIcon(current ? 'circle-filled' : 'history');
    item.tooltip = source.text.slice(0, 400);
    // without this the tooltip is read, and which one is shown is the icon's secret
    const said = `${source.name}, ${item.description}`;
    item.accessibilityInformation = { label: current ? vscode.l10n.t('{0}, shown', said) : said };
    item.command = {
      command: 'circuitscope.showAttention',
      title: vscode.l10n.t('Show Attention'),
      arguments: [analysis],
    };
    return item;
  }

  getChildren(node?: Analysis | AnalysisView): (Analysis | AnalysisView)[] {
    if (!node) return [...this.analyses.all];
    if ('of' in node) return [];
    const views = this.latents.of(node.checkpoint) ? [...VIEWS, ...LATENT_VIEWS] : VIEWS;
    return views.map((view) => ({ ...view, of: node }));
  }
}

function viewItem({ of, label, icon, command }: AnalysisView): vscode.TreeItem {
  const item = new vscode.TreeItem(label);
  item.iconPath = new vscode.ThemeIcon(icon);
  item.command = { command, title: label, arguments: [of] };
  return item;
}

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
