import * as vscode from 'vscode';
import type { Checkpoints } from './checkpoints';
import type { EngineService } from './engineService';
import { formatBytes } from './format';
import type { TrainingSteps } from './trainingSteps';
import { stepLabel } from '../protocol/steps';
import { browseLine } from './words';

const KEY = 'circuitscope.recentCheckpoints';
const RECENT = 10;

interface Choice extends vscode.QuickPickItem {
  target?: string;
}

const BROWSE: Choice[] = [
  { label: '', kind: vscode.QuickPickItemKind.Separator },
  { label: browseLine(), detail: vscode.l10n.t('Choose a folder on this machine.'), alwaysShow: true },
];

export interface SecondChooserParts {
  engine: EngineService;
  checkpoints: Checkpoints;
  steps: TrainingSteps;
  state: vscode.Memento;
}

/** The picker for what the open checkpoint is compared with: other steps of its training, open ones, recent ones, any folder. */
export class SecondChooser implements vscode.Disposable {
  private readonly following: vscode.Disposable;

  constructor(private readonly parts: SecondChooserParts) {
    this.following = parts.checkpoints.onDidChange(() => this.remember());
  }

  /** Folder or file of the one that was chosen. */
  async pick(): Promise<string | undefined> {
    const { active } = this.parts.checkpoints;
    if (!active) return undefined;
    const picker = vscode.window.createQuickPick<Choice>();
    picker.title = vscode.l10n.t('Compare {0} with…', active.name);
    picker.placeholder = vscode.l10n.t('A checkpoint of the same shape and with the same tokenizer');
    picker.matchOnDescription = picker.matchOnDetail = true;
    picker.busy = true;
    picker.ignoreFocusOut = true;
    const known = this.known(active.path);
    picker.items = [...known, ...BROWSE];
    let open = true;
    void this.inWorkspace(active.path).then((found) => {
      if (!open) return;
      picker.busy = false;
      const listed = new Set(known.map(({ target }) => target));
      const others = found.filter(({ target }) => !listed.has(target));
      picker.items = [...known, ...section(vscode.l10n.t('In this workspace'), others), ...BROWSE];
    });
    picker.show();
    const choice = await new Promise<Choice | undefined>((resolve) => {
      picker.onDidAccept(() => resolve(picker.selectedItems[0]));
      picker.onDidHide(() => resolve(undefined));
    });
    open = false;
    picker.dispose();
    return choice && (choice.target ?? (await browse()));
  }

  /** Without looking at the disk. */
  private known(active: string): Choice[] {
    const { checkpoints, steps } = this.parts;
    const siblings = steps.siblings.map((step): Choice => ({
      label: `$(history) ${step.name}`,
      description: stepLabel(step),
      target: step.path,
    }));
    const open = checkpoints.all.map(({ name, path, architecture }) => choiceOf(name, path, architecture));
    const recent = this.recent().map((path) => choiceOf(path.split(/[\\/]/).at(-1) ?? path, path));
    const listed = new Set([active]);
    const fresh = (choices: Choice[]): Choice[] =>
      choices.filter(({ target }) => target !== undefined && !listed.has(target) && listed.add(target));
    return [
      ...section(vscode.l10n.t('Steps of this training'), fresh(siblings)),
      ...section(
        vscode.l10n.t({ message: 'Open', comment: ['Heading over the checkpoints that are open'] }),
        fresh(open),
      ),
      ...section(vscode.l10n.t('Recent'), fresh(recent)),
    ];
  }

  private async inWorkspace(active: string): Promise<Choice[]> {
    const roots = (vscode.workspace.workspaceFolders ?? []).map(({ uri }) => uri.fsPath);
    if (roots.length === 0) return [];
    const found = await this.parts.engine.request('findCheckpoints', { roots }).catch(() => []);
    return found
      .filter(({ path }) => path !== active)
      .map(({ name, path, modelType, bytes }) => choiceOf(name, path, `${modelType} · ${formatBytes(bytes)}`));
  }

  private recent(): string[] {
    return this.parts.state.get<string[]>(KEY, []);
  }

  private remember(): void {
    const path = this.parts.checkpoints.active?.path;
    const before = this.recent();
    if (path === undefined || before[0] === path) return;
    void this.parts.state.update(KEY, [path, ...before.filter((each) => each !== path)].slice(0, RECENT));
  }

  dispose(): void {
    this.following.dispose();
  }
}

const section = (label: string, choices: readonly Choice[]): Choice[] =>
  choices.length === 0 ? [] : [{ label, kind: vscode.QuickPickItemKind.Separator }, ...choices];

const choiceOf = (name: string, target: string, description?: string): Choice => ({
  label: `$(circuit-board) ${name}`,
  ...(description !== undefined && { description }),
  detail: vscode.workspace.asRelativePath(target),
  target,
});

async function browse(): Promise<string | undefined> {
  const [uri] =
    (await vscode.window.showOpenDialog({
      openLabel: vscode.l10n.t({ message: 'Compare', comment: ['Button'] }),
      title: vscode.l10n.t('A folder with config.json and .safetensors, of the same shape as the open checkpoint'),
      canSelectFolders: true,
      canSelectFiles: false,
    })) ?? [];
  return uri?.fsPath;
}
