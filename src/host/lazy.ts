/** What VS Code is told at activation: all that package.json contributes. The code behind it is loaded by what is used first. */
import * as vscode from 'vscode';
import type { CircuitscopeApi } from '../protocol/api';
import type { Features } from './features';
import { RESULT_EDITOR, SAFETENSORS_VIEW } from './names';
import type { SafetensorsDocument } from './safetensorsEditor';

/** Something that is made when it is asked for first. */
export class Lazy<T> implements vscode.Disposable {
  private made: T | undefined;
  private readonly loaded = new vscode.EventEmitter<T>();
  readonly onDidLoad = this.loaded.event;

  constructor(private readonly make: () => T) {}

  /** Undefined until somebody asked for it. */
  get now(): T | undefined {
    return this.made;
  }

  get(): T {
    if (this.made !== undefined) return this.made;
    this.made = this.make();
    this.loaded.fire(this.made);
    return this.made;
  }

  dispose(): void {
    this.loaded.dispose();
  }
}

/** What is read of package.json. */
export interface Manifest {
  version: string;
  activationEvents: string[];
  contributes: {
    commands: { command: string }[];
    views: Record<string, { id: string; type?: string }[]>;
    languageModelTools: { name: string }[];
  };
}

const viewsOf = ({ contributes }: Manifest): { id: string; type?: string }[] => Object.values(contributes.views).flat();

/** Commands, views, panels after a reload, editors and tools for agents. */
export function registerLazily(features: Lazy<Features>, manifest: Manifest): vscode.Disposable {
  const { activationEvents } = manifest;
  const panels = activationEvents.flatMap((event) => /^onWebviewPanel:(.+)/.exec(event)?.[1] ?? []);
  const pages = viewsOf(manifest).filter(({ type }) => type === 'webview');
  return vscode.Disposable.from(
    registerCommands(features, manifest),
    ...pages.map(({ id }) =>
      vscode.window.registerWebviewViewProvider(id, {
        resolveWebviewView: (...view) => features.get().pages[id]!.resolveWebviewView(...view),
      }),
    ),
    ...panels.map((panel) =>
      vscode.window.registerWebviewPanelSerializer(panel, {
        deserializeWebviewPanel: (...state) => features.get().serializers[panel]!.deserializeWebviewPanel(...state),
      }),
    ),
    vscode.window.registerCustomEditorProvider(RESULT_EDITOR, {
      resolveCustomTextEditor: (document, panel) =>
        features.get().resultEditor.resolveCustomTextEditor(document, panel),
    }),
    vscode.window.registerCustomEditorProvider(
      SAFETENSORS_VIEW,
      {
        openCustomDocument: (uri) => features.get().safetensors.openCustomDocument(uri),
        resolveCustomEditor: (document, panel) => features.get().safetensors.resolveCustomEditor(document, panel),
      } satisfies vscode.CustomReadonlyEditorProvider<SafetensorsDocument>,
      { supportsMultipleEditorsPerDocument: true },
    ),
    registerTools(features, manifest),
  );
}

/** All are contributed, also those that only links and trees run. */
const registerCommands = (features: Lazy<Features>, { contributes }: Manifest): vscode.Disposable =>
  vscode.Disposable.from(
    ...contributes.commands.map(({ command: id }) =>
      vscode.commands.registerCommand(id, (...args: never[]) => features.get().commands[id]!(...args)),
    ),
  );

/** Language model tools: what is asked for by an agent. Editors that are built on VS Code need not have them. */
function registerTools(features: Lazy<Features>, { contributes }: Manifest): vscode.Disposable {
  if (typeof vscode.lm?.registerTool !== 'function') return new vscode.Disposable(() => undefined);
  return vscode.Disposable.from(
    ...contributes.languageModelTools.map(({ name }) =>
      vscode.lm.registerTool<object>(name, {
        prepareInvocation: (...call) =>
          features
            .get()
            .tool(name)
            .prepareInvocation(...call),
        invoke: (...call) =>
          features
            .get()
            .tool(name)
            .invoke(...call),
      }),
    ),
  );
}

/** The views that are trees, by their id. Before anything is loaded they are empty. */
export function createTreeViews(
  features: Lazy<Features>,
  manifest: Manifest,
): Record<string, vscode.TreeView<unknown> | undefined> {
  const trees = viewsOf(manifest).filter(({ type }) => type !== 'webview');
  return Object.fromEntries(
    trees.map(({ id }) => {
      const changed = new vscode.EventEmitter<unknown>();
      const tree = (): vscode.TreeDataProvider<unknown> => features.get().trees[id]!;
      features.onDidLoad(() => {
        tree().onDidChangeTreeData?.((node) => changed.fire(node));
        changed.fire(undefined);
      });
      const provider: vscode.TreeDataProvider<unknown> = {
        onDidChangeTreeData: changed.event,
        getTreeItem: (node) => tree().getTreeItem(node),
        getChildren: (node) => (features.now ? tree().getChildren(node) : []),
        getParent: (node) => tree().getParent?.(node),
      };
      return [id, vscode.window.createTreeView(id, { treeDataProvider: provider })];
    }),
  );
}

/** What other extensions get. */
export function lazyApi(features: Lazy<Features>): CircuitscopeApi {
  const api = (): CircuitscopeApi => features.get().api;
  return {
    version: 1,
    openCheckpoint: (target) => api().openCheckpoint(target),
    get activeCheckpoint() {
      return features.now?.api.activeCheckpoint;
    },
    analyze: (...text) => api().analyze(...text),
    onDidAnalyze: (listener) => api().onDidAnalyze(listener),
    headScores: (...about) => api().headScores(...about),
    composition: (...about) => api().composition(...about),
    latents: (...about) => api().latents(...about),
  };
}
