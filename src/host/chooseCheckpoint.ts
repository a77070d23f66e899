import * as path from 'node:path';
import * as vscode from 'vscode';
import type { CheckpointCandidate, CheckpointInfo } from '../protocol/checkpoint';
import type { Checkpoints } from './checkpoints';
import type { EngineService } from './engineService';
import { formatBytes } from './format';
import { browseLine } from './words';

interface Choice extends vscode.QuickPickItem {
  target?: string;
  /** Without a target: what is browsed for. */
  browse?: 'folder' | 'onnx';
  /** Folder of an autoencoder that is opened with it. */
  sae?: string;
}

const SAMPLES: { folder: string; detail: string; sae?: string }[] = [
  {
    folder: 'attn-only-2l',
    detail: vscode.l10n.t('Two attention-only layers with an induction circuit: L0H4 → L1H5 and L1H7. Start here.'),
  },
  { folder: 'attn-only-1l', detail: vscode.l10n.t('One attention-only layer: skip-trigrams.') },
  { folder: 'attn-only-0l', detail: vscode.l10n.t('No layers at all: a table of bigrams.') },
  {
    folder: 'neox-6l',
    detail: vscode.l10n.t('Six layers in the manner of Pythia: parallel attention and MLP, rotary positions.'),
  },
  {
    folder: 'neox-6l',
    sae: 'mlsae-neox-6l-x16-k16',
    detail: vscode.l10n.t('The same with its multi-layer sparse autoencoder: 3072 latents of all six layers.'),
  },
  {
    folder: 'stories260K',
    detail: vscode.l10n.t('A tiny Llama that tells stories: grouped-query attention, five layers.'),
  },
];

/** The pickers for checkpoints: those of the workspace, the samples, any folder. */
export class CheckpointChooser {
  constructor(
    private readonly engine: EngineService,
    private readonly checkpoints: Checkpoints,
    private readonly samplesFolder: string,
  ) {}

  /** Asks which checkpoint to open, and opens it. */
  async pick(): Promise<CheckpointInfo | undefined> {
    const picker = vscode.window.createQuickPick<Choice>();
    picker.placeholder = vscode.l10n.t(
      'Checkpoint to open: a folder with config.json and .safetensors, or a .onnx file',
    );
    picker.matchOnDescription = picker.ignoreFocusOut = true;
    picker.busy = true;
    picker.items = this.staticChoices();
    const found = this.workspaceChoices().then((choices) => {
      picker.busy = false;
      picker.items = [...choices, ...this.staticChoices()];
    });
    picker.show();
    const choice = await new Promise<Choice | undefined>((resolve) => {
      picker.onDidAccept(() => resolve(picker.selectedItems[0]));
      picker.onDidHide(() => resolve(undefined));
    });
    picker.dispose();
    void found;
    if (!choice) return undefined;
    const target = choice.target ?? (await browse(choice.browse ?? 'folder'));
    return target === undefined ? undefined : this.checkpoints.open(target);
  }

  /** Opens a sample; its autoencoder, if one was chosen with it, is for the caller to open. */
  async pickSample(): Promise<{ checkpoint: CheckpointInfo; sae?: string } | undefined> {
    const choice = await vscode.window.showQuickPick(this.samples(), {
      placeHolder: vscode.l10n.t('Sample checkpoint to open'),
      matchOnDetail: true,
      ignoreFocusOut: true,
    });
    const checkpoint = choice?.target === undefined ? undefined : await this.checkpoints.open(choice.target);
    return checkpoint && { checkpoint, ...(choice?.sae && { sae: choice.sae }) };
  }

  /** Opens one of the samples without asking; its autoencoder, if it is wanted, is for the caller to open. */
  async openSample(folder: string, withSae = false): Promise<{ checkpoint: CheckpointInfo; sae?: string } | undefined> {
    const checkpoint = await this.checkpoints.open(path.join(this.samplesFolder, folder));
    const sae = withSae ? SAMPLES.find((sample) => sample.folder === folder && sample.sae)?.sae : undefined;
    return checkpoint && { checkpoint, ...(sae && { sae: path.join(this.samplesFolder, sae) }) };
  }

  /** The active checkpoint; else that of the setting; else the person is asked. */
  async ensure(resource?: vscode.Uri): Promise<CheckpointInfo | undefined> {
    if (this.checkpoints.active) return this.checkpoints.active;
    const set = vscode.workspace.getConfiguration('circuitscope', resource).get<string>('checkpoint', '').trim();
    if (set === '') return this.pick();
    const folder = resource && vscode.workspace.getWorkspaceFolder(resource);
    const base = folder ?? vscode.workspace.workspaceFolders?.[0];
    return this.checkpoints.open(base ? path.resolve(base.uri.fsPath, set) : set);
  }

  private samples(): Choice[] {
    return SAMPLES.map(({ folder, detail, sae }) => ({
      label: `$(beaker) ${folder}${sae ? ` + ${sae}` : ''}`,
      detail,
      target: path.join(this.samplesFolder, folder),
      ...(sae && { sae: path.join(this.samplesFolder, sae) }),
    }));
  }

  private staticChoices(): Choice[] {
    return [
      { label: vscode.l10n.t('Samples'), kind: vscode.QuickPickItemKind.Separator },
      ...this.samples().filter(({ sae }) => !sae),
      { label: '', kind: vscode.QuickPickItemKind.Separator },
      { label: browseLine(), detail: vscode.l10n.t('Choose a folder on this machine.'), alwaysShow: true },
      {
        label: `$(file) ${vscode.l10n.t('Browse for a .onnx File…')}`,
        detail: vscode.l10n.t('A transformer that someone exported, with its weights inside or beside it.'),
        browse: 'onnx',
        alwaysShow: true,
      },
    ];
  }

  private async workspaceChoices(): Promise<Choice[]> {
    const roots = (vscode.workspace.workspaceFolders ?? []).map((f) => f.uri.fsPath);
    const found = roots.length > 0 ? await this.engine.request('findCheckpoints', { roots }).catch(() => []) : [];
    if (found.length === 0) return [];
    return [
      { label: vscode.l10n.t('In this workspace'), kind: vscode.QuickPickItemKind.Separator },
      ...found.map((candidate) => candidateChoice(candidate)),
    ];
  }
}

const candidateChoice = ({ name, modelType, bytes, path: target }: CheckpointCandidate): Choice => ({
  label: `$(circuit-board) ${name}`,
  description: `${modelType} · ${formatBytes(bytes)}`,
  detail: vscode.workspace.asRelativePath(target),
  target,
});

/** Of folders or of files: no dialog of Windows and Linux does both. */
async function browse(what: 'folder' | 'onnx'): Promise<string | undefined> {
  const folder = {
    canSelectFolders: true,
    canSelectFiles: false,
    title: vscode.l10n.t('A folder with config.json and .safetensors, or with a .onnx'),
  };
  const onnx = { title: vscode.l10n.t('A .onnx file'), filters: { ONNX: ['onnx'] } };
  const [uri] =
    (await vscode.window.showOpenDialog({
      openLabel: vscode.l10n.t('Open Checkpoint'),
      ...(what === 'onnx' ? onnx : folder),
    })) ?? [];
  return uri?.fsPath;
}
