import { createRequire } from 'node:module';
import * as vscode from 'vscode';
import { Editors } from './host/editors';
import type * as FeaturesFile from './host/features';
import type { ExtensionParts, Features } from './host/features';
import { createTreeViews, Lazy, lazyApi, registerLazily, type Manifest } from './host/lazy';
import { registerMcpServer } from './host/mcpServer';
import { UNFINISHED_TRAININGS } from './host/names';
import { answerNotebooks } from './host/notebooks';
import type { CircuitscopeApi } from './protocol/api';

export type { ExtensionParts };

/** What other extensions get; `testing` is no part of what they may rely on. */
export type ExtensionExports = CircuitscopeApi & { readonly testing: ExtensionParts };

/** In the file that esbuild makes of it, beside this one. */
const readFeatures = (): typeof FeaturesFile => createRequire(__filename)('./features.js') as typeof FeaturesFile;

/** Tells VS Code what there is. All that does something, host/features, is read when it is used first. */
export function activate(context: vscode.ExtensionContext): ExtensionExports {
  const manifest = context.extension.packageJSON as Manifest;
  const editors = new Editors();
  const features = new Lazy<Features>(() => readFeatures().createFeatures(context, { editors, views }));
  const views = createTreeViews(features, manifest);
  const cliPath = vscode.Uri.joinPath(context.extensionUri, 'dist', 'cli.js').fsPath;
  context.subscriptions.push(
    editors,
    features,
    registerLazily(features, manifest),
    registerMcpServer(cliPath, manifest.version),
    answerNotebooks(),
    ...Object.values(views).flatMap((view) => view ?? []),
  );
  // they are offered without being asked for
  if (context.workspaceState.get<unknown[]>(UNFINISHED_TRAININGS, []).length > 0) features.get();
  return Object.defineProperty(lazyApi(features), 'testing', { get: () => features.get().testing }) as ExtensionExports;
}
