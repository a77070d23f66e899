import * as vscode from 'vscode';
import { headName } from '../protocol/checkpoint';
import { layersOf } from '../protocol/latents/focus';
import { latentId } from '../protocol/latents/names';
import { focusToken, type HeadPair, type Selection } from '../protocol/selection';
import { visibleText } from '../protocol/tokens';
import type { Analyses, Analysis } from './analyses';
import type { Circuits } from './circuits';
import type { Latents } from './latents';
import type { SelectionStore } from './selection';
import { namesOf, Tree } from './trees';
import { headCount } from './words';

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
    private readonly latents: Latents,
  ) {
    super();
    const changed = (): void => this.changed.fire();
    this.disposables.push(
      ...[analyses, circuits, latents].map(({ onDidChange }) => onDidChange(changed)),
      selection.onDidChange(changed),
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
    if (line || !current) return [];
    return selectionLines(current, this.selection.value, this.circuits, this.latentLines(current));
  }

  private latentLines(analysis: Analysis): Line[] {
    const { latent, layer } = this.selection.value;
    const sae = this.latents.of(analysis.checkpoint);
    if (latent === undefined || !sae) return [];
    const encoding = this.latents.encodingNow(analysis);
    const name = this.latents.names(sae)[latent]?.name ?? '';
    const where = [...(layer === undefined ? [] : [`L${layer}`]), ...(encoding ? [layersOf(encoding, latent)] : [])];
    return [{ label: `${latentId(latent)} ${name}`.trim(), description: where.join(' · '), icon: 'pulse' }];
  }
}

export function selectionLines(
  { info, checkpoint }: Analysis,
  s: Selection,
  circuits: Circuits,
  latent: Line[],
): Line[] {
  const tokenLine = (token: number | undefined, role: string, icon: string): Line[] =>
    token === undefined || !info.tokens[token]
      ? []
      : [
          {
            label: visibleText(info.tokens[token].text),
            description: `${vscode.l10n.t('token {0}', token)} · ${role}`,
            icon,
          },
        ];
  const heads = headCount(info.nLayers * info.nHeads);
  const overHeads = s.reduction === 'max' ? vscode.l10n.t('max of {0}', heads) : vscode.l10n.t('mean of {0}', heads);
  const what = s.reduction === 'one' ? headName(s.head) : overHeads;
  const { destination, source } = s.locked;
  const tokenLock = destination !== undefined || source !== undefined;
  const [name] = s.reduction === 'one' ? namesOf(circuits, checkpoint, s.head) : [];
  const weights = s.weighting === 'pattern' ? vscode.l10n.t('weights') : vscode.l10n.t('value-weighted');
  const preview = tokenLock ? undefined : focusToken(s);
  return [
    ...tokenLine(destination, roles.destination, 'pinned'),
    ...tokenLine(source, roles.source, 'pinned'),
    ...tokenLine(preview?.token, preview ? roles[preview.side] : '', 'circle-outline'),
    ...(s.pair ? [pairLine(s.pair)] : []),
    ...latent,
    { label: what, description: name ? `${name} · ${weights}` : weights, icon: 'eye' },
    {
      label: '',
      description:
        tokenLock || s.pair || latent.length > 0
          ? vscode.l10n.t('Esc unlocks')
          : vscode.l10n.t('click or Enter locks a token'),
    },
  ];
}

const roles = { destination: vscode.l10n.t('destination'), source: vscode.l10n.t('source') };

const pairLine = ({ earlier, later, kind }: HeadPair): Line => ({
  label: `${headName(earlier)} → ${headName(later)}`,
  description: vscode.l10n.t('{0}-composition', kind),
  icon: 'pinned',
});
