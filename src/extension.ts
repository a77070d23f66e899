import * as vscode from 'vscode';
import { Analyses } from './host/analyses';
import { AttentionPanel } from './host/attentionPanel';
import { CheckpointChooser } from './host/chooseCheckpoint';
import { Checkpoints } from './host/checkpoints';
import { Circuits } from './host/circuits';
import { CircuitsPanel } from './host/circuitsPanel';
import { registerCircuitsView } from './host/circuitsView';
import { AnalysisCodeLens } from './host/codeLens';
import { registerCommands } from './host/commands';
import { Decorations } from './host/decorations';
import { Editors } from './host/editors';
import { EngineService } from './host/engineService';
import { exportPattern } from './host/exportPattern';
import { TokenHover } from './host/hover';
import { createLog } from './host/log';
import { createReports, type Reports } from './host/reports';
import { restoreCircuits, restorePanel } from './host/restore';
import { SelectionStore } from './host/selection';
import { createStatusBar } from './host/statusBar';
import { AnalysesTree, CheckpointsTree, followHead, SelectionTree } from './host/trees';
import { Work } from './host/work';

/** The parts, for the tests that run in the extension host. */
export interface ExtensionParts {
  engine: EngineService;
  checkpoints: Checkpoints;
  analyses: Analyses;
  selection: SelectionStore;
  decorations: Decorations;
  panel: AttentionPanel;
  circuits: Circuits;
  circuitsPanel: CircuitsPanel;
  reports: Reports;
  work: Work;
}

/** Wires the parts, nothing else. */
export function activate(context: vscode.ExtensionContext): ExtensionParts {
  const inExtension = (...path: string[]): vscode.Uri => vscode.Uri.joinPath(context.extensionUri, ...path);
  const log = createLog();
  const work = new Work(log);
  const engine = new EngineService(inExtension('dist', 'engine.js').fsPath, log);
  const checkpoints = new Checkpoints(engine, work, log);
  const chooser = new CheckpointChooser(engine, checkpoints, inExtension('samples').fsPath);
  const selection = new SelectionStore();
  const analyses = new Analyses(engine, checkpoints, selection, work);
  const circuits = new Circuits(engine, checkpoints, work, log);
  const panel = new AttentionPanel(context.extensionUri, analyses, selection, circuits, work, log, {
    command: (name) =>
      void (name === 'cancel' ? work.cancel() : vscode.commands.executeCommand(`circuitscope.${name}`)),
    exportAs: (format, png) => void exportPattern(analyses, selection, format, png),
  });
  const { extensionUri } = context;
  const circuitsParts = { extensionUri, checkpoints, analyses, selection, circuits, log };
  const circuitsPanel = new CircuitsPanel(circuitsParts);
  const reports = createReports({ extensionUri, engine, checkpoints, analyses, selection, log });
  const editors = new Editors();
  const decorations = new Decorations(analyses, selection);
  const codeLens = new AnalysisCodeLens(analyses);
  const checkpointsTree = new CheckpointsTree(checkpoints, circuits);
  const checkpointsView = vscode.window.createTreeView('circuitscope.checkpoints', {
    treeDataProvider: checkpointsTree,
  });
  const trees = {
    'circuitscope.analyses': new AnalysesTree(analyses),
    'circuitscope.selection': new SelectionTree(analyses, selection, circuits),
  };
  const everywhere: vscode.DocumentSelector = { scheme: '*' };
  context.subscriptions.push(
    ...[log, work, engine, checkpoints, selection, analyses, circuits, panel, circuitsPanel],
    ...[decorations, codeLens],
    ...Object.values(reports),
    ...[checkpointsTree, checkpointsView, followHead(checkpointsView, checkpoints, analyses, selection)],
    createStatusBar(checkpoints, work),
    restorePanel(context.workspaceState, checkpoints, analyses, selection, panel),
    restoreCircuits(checkpoints, circuitsPanel),
    registerCircuitsView(circuitsParts),
    vscode.languages.registerHoverProvider(everywhere, new TokenHover(analyses, selection)),
    vscode.languages.registerCodeLensProvider(everywhere, codeLens),
    ...Object.entries(trees).flatMap(([id, tree]) => [tree, vscode.window.registerTreeDataProvider<unknown>(id, tree)]),
    editors,
    ...registerCommands({ log, editors, checkpoints, chooser, analyses, selection, panel, circuitsPanel, reports }),
  );
  return { engine, checkpoints, analyses, selection, decorations, panel, circuits, circuitsPanel, reports, work };
}
