import * as path from 'node:path';
import * as vscode from 'vscode';
import type { CheckpointInfo } from '../protocol/checkpoint';
import type { SaeCandidate, SaeInfo } from '../protocol/latents';
import { formatBytes } from './format';
import type { Latents, SaeOptions } from './latents';
import { showError } from './log';
import { browseLine, wholeNumber } from './words';

interface Choice extends vscode.QuickPickItem {
  target?: string;
}

/** Whether a folder's files, or its name, say that it is for this model. */
export function isFor({ name, transformer, nInputs }: SaeCandidate, model: CheckpointInfo): boolean {
  if (nInputs !== undefined && nInputs !== model.dModel) return false;
  if (transformer !== undefined) return transformer.split('/').at(-1) === model.name;
  return name.includes(model.name);
}

/** The pickers for sparse autoencoders: those beside the checkpoint, of the workspace, the samples, any folder. */
export class SaeChooser {
  constructor(
    private readonly latents: Latents,
    private readonly samplesFolder: string,
  ) {}

  /** Asks which one to open for a checkpoint, and opens it. */
  async pick(checkpoint: CheckpointInfo): Promise<SaeInfo | undefined> {
    const picker = vscode.window.createQuickPick<Choice>();
    picker.placeholder = vscode.l10n.t(
      'Sparse autoencoder of {0}: a folder with config.json or cfg.json and .safetensors',
      checkpoint.name,
    );
    picker.matchOnDescription = picker.ignoreFocusOut = true;
    picker.busy = true;
    picker.items = [BROWSE];
    void this.find(checkpoint).then((found) => {
      picker.busy = false;
      picker.items = [...choices(found, checkpoint), BROWSE];
    });
    picker.show();
    const choice = await new Promise<Choice | undefined>((resolve) => {
      picker.onDidAccept(() => resolve(picker.selectedItems[0]));
      picker.onDidHide(() => resolve(undefined));
    });
    picker.dispose();
    if (!choice) return undefined;
    const target = choice.target ?? (await browse());
    return target === undefined ? undefined : this.open(checkpoint, target);
  }

  /** Opens it; asks for the layer when its files do not say it. */
  async open(checkpoint: CheckpointInfo, target: string, options: SaeOptions = {}): Promise<SaeInfo | undefined> {
    let failed = '';
    const sae = await this.latents.open(checkpoint, target, options, (message) => (failed = message));
    if (sae || failed === '') return sae;
    if (options.layer !== undefined || !/which layer/.test(failed)) {
      showError(failed);
      return undefined;
    }
    const layer = await askLayer(checkpoint);
    return layer === undefined ? undefined : this.open(checkpoint, target, { ...options, layer });
  }

  /** The only one beside a checkpoint that is for it. */
  async beside(checkpoint: CheckpointInfo): Promise<SaeCandidate | undefined> {
    const folder = path.dirname(checkpoint.path);
    const found = await this.latents.findSaes([folder]).catch(() => []);
    const own = found.filter((each) => path.dirname(each.path) === folder && isFor(each, checkpoint));
    return own.length === 1 ? own[0] : undefined;
  }

  private async find(checkpoint: CheckpointInfo): Promise<SaeCandidate[]> {
    const folders = (vscode.workspace.workspaceFolders ?? []).map(({ uri }) => uri.fsPath);
    const roots = new Set([path.dirname(checkpoint.path), ...folders, this.samplesFolder]);
    return this.latents.findSaes([...roots]).catch(() => []);
  }
}

const BROWSE: Choice = {
  label: browseLine(),
  detail: vscode.l10n.t('Choose a folder on this machine.'),
  alwaysShow: true,
};

function choices(found: SaeCandidate[], checkpoint: CheckpointInfo): Choice[] {
  const fitting = found.filter((each) => isFor(each, checkpoint));
  const others = found.filter((each) => !fitting.includes(each));
  const group = (label: string, some: SaeCandidate[]): Choice[] =>
    some.length === 0 ? [] : [{ label, kind: vscode.QuickPickItemKind.Separator }, ...some.map(choice)];
  return [
    ...group(vscode.l10n.t('For {0}', checkpoint.name), fitting),
    ...group(vscode.l10n.t('Others'), others),
    { label: '', kind: vscode.QuickPickItemKind.Separator },
  ];
}

const choice = ({ path: target, name, format, transformer, bytes }: SaeCandidate): Choice => ({
  label: `$(layers) ${name}`,
  description: [format, transformer, formatBytes(bytes)].filter(Boolean).join(' · '),
  detail: vscode.workspace.asRelativePath(target),
  target,
});

async function askLayer({ nLayers }: CheckpointInfo): Promise<number | undefined> {
  const answer = await vscode.window.showInputBox({
    title: vscode.l10n.t('Layer of the autoencoder'),
    prompt: vscode.l10n.t(
      'Its files do not say which layer it reads: the residual stream after layer 0–{0}',
      nLayers - 1,
    ),
    ignoreFocusOut: true,
    validateInput: (text) => (/^\d+$/.test(text) && Number(text) < nLayers ? undefined : wholeNumber(0, nLayers - 1)),
  });
  return answer === undefined ? undefined : Number(answer);
}

async function browse(): Promise<string | undefined> {
  const [uri] =
    (await vscode.window.showOpenDialog({
      canSelectFolders: true,
      canSelectFiles: false,
      openLabel: vscode.l10n.t('Open SAE'),
      title: vscode.l10n.t('A folder with config.json or cfg.json and .safetensors'),
    })) ?? [];
  return uri?.fsPath;
}
