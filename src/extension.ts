import * as vscode from 'vscode';
import { registerAgentTools } from './host/agentTools';
import { Analyses } from './host/analyses';
import { Api } from './host/api';
import { AttentionPanel } from './host/attentionPanel';
import { CheckpointChooser } from './host/chooseCheckpoint';
import { SaeChooser } from './host/chooseSae';
import { SecondChooser } from './host/chooseSecond';
import { Checkpoints } from './host/checkpoints';
import { Circuits } from './host/circuits';
import { CircuitsPanel } from './host/circuitsPanel';
import { registerCircuitsView } from './host/circuitsView';
import { AnalysisCodeLens } from './host/codeLens';
import { registerCommands } from './host/commands';
import { createStepStatus } from './host/compareCommands';
import { ComparePanel } from './host/comparePanel';
import { Comparison } from './host/comparison';
import { Decorations } from './host/decorations';
import { Editors } from './host/editors';
import { EngineService } from './host/engineService';
import { exportPattern } from './host/exportPattern';
import { watchFirstSteps } from './host/firstSteps';
import { TokenHover } from './host/hover';
import { Latents } from './host/latents';
import { followSae } from './host/latentSelection';
import { LatentsPanel } from './host/latentsPanel';
import { LayersPanel } from './host/layersPanel';
import { createLog, type Log } from './host/log';
import { createReports, type Reports } from './host/reports';
import { registerMcpServer } from './host/mcpServer';
import { restoreCircuits, restorePanels } from './host/restore';
import { ResultEditor } from './host/resultEditor';
import { Results } from './host/results';
import { SafetensorsEditor } from './host/safetensorsEditor';
import { SelectionStore } from './host/selection';
import { SelectionTree } from './host/selectionTree';
import { createStatusBar } from './host/statusBar';
import { Sweeps } from './host/sweeps';
import { TokenLatentsFeed } from './host/tokenLatents';
import { actOnTraining } from './host/trainingCommands';
import { restoreTraining, watchTrainings } from './host/trainingNotices';
import { TrainingPanel, type TrainingPanelParts } from './host/trainingPanel';
import { TrainingSteps } from './host/trainingSteps';
import { Trainings } from './host/trainings';
import { AnalysesTree, CheckpointsTree, followHead } from './host/trees';
import { Work } from './host/work';
import type { CircuitscopeApi } from './protocol/api';

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
  latents: Latents;
  latentsPanel: LatentsPanel;
  layersPanel: LayersPanel;
  comparison: Comparison;
  comparePanel: ComparePanel;
  steps: TrainingSteps;
  sweeps: Sweeps;
  trainings: Trainings;
  trainingPanel: TrainingPanel;
  actOnTraining: TrainingPanelParts['act'];
  hover: TokenHover;
  codeLens: AnalysisCodeLens;
  trees: { checkpoints: CheckpointsTree; analyses: AnalysesTree; selection: SelectionTree };
  reports: Reports;
  results: Results;
  resultEditor: ResultEditor;
  work: Work;
  safetensors: SafetensorsEditor;
  log: Log;
}

/** What other extensions get; `testing` is no part of what they may rely on. */
export type ExtensionExports = CircuitscopeApi & { readonly testing: ExtensionParts };

/** Wires the parts, nothing else. */
export function activate(context: vscode.ExtensionContext): ExtensionExports {
  const inExtension = (...path: string[]): vscode.Uri => vscode.Uri.joinPath(context.extensionUri, ...path);
  const log = createLog();
  const work = new Work(log);
  const enginePath = inExtension('dist', 'engine.js').fsPath;
  const engine = new EngineService(enginePath, log);
  const checkpoints = new Checkpoints(engine, work, log);
  const chooser = new CheckpointChooser(engine, checkpoints, inExtension('samples').fsPath);
  const selection = new SelectionStore();
  const analyses = new Analyses(engine, checkpoints, selection, work);
  const circuits = new Circuits(engine, checkpoints, work, log);
  const state = context.workspaceState;
  const latents = new Latents({ engine, checkpoints, analyses, work, log, state });
  const saeChooser = new SaeChooser(latents, inExtension('samples').fsPath);
  const tokenLatents = new TokenLatentsFeed(analyses, selection, latents);
  const sweeps = new Sweeps({ enginePath, checkpoints, latents, log, state });
  const steps = new TrainingSteps({ engine, checkpoints, analyses, latents, log });
  const comparison = new Comparison({ engine, checkpoints, work, state });
  steps.keeps = comparison.holds;
  const secondChooser = new SecondChooser({ engine, checkpoints, steps, state });
  const panel = new AttentionPanel(context.extensionUri, analyses, selection, circuits, tokenLatents, work, log, {
    command: (name) =>
      void (name === 'cancel' ? work.cancel() : vscode.commands.executeCommand(`circuitscope.${name}`)),
    exportAs: (format, png) => void exportPattern(analyses, selection, format, png),
    goToStep: (index) => void steps.goTo(index),
  });
  const { extensionUri } = context;
  const circuitsParts = { extensionUri, checkpoints, analyses, selection, circuits, log };
  const circuitsPanel = new CircuitsPanel(circuitsParts);
  const latentsParts = { extensionUri, checkpoints, analyses, selection, latents, work, log };
  const latentsPanel = new LatentsPanel(latentsParts);
  const layersPanel = new LayersPanel(latentsParts);
  const comparePanel = new ComparePanel({ ...latentsParts, comparison, steps });
  const reports = createReports({ extensionUri, engine, checkpoints, analyses, selection, tokenLatents, log });
  const safetensors = new SafetensorsEditor(extensionUri, engine, log);
  const trainings = new Trainings({ enginePath, log, state, ask: engine.request });
  const act: TrainingPanelParts['act'] = (what) => actOnTraining({ checkpoints, chooser, latents, trainings }, what);
  const trainingPanel = new TrainingPanel({ extensionUri, trainings, act });
  const results = new Results({
    ...{ extensionUri, engine, checkpoints, analyses, selection, circuits, latents },
    ...{ panel, circuitsPanel, latentsPanel, reports, log, version: String(context.extension.packageJSON.version) },
  });
  const resultEditor = new ResultEditor({ extensionUri, results, log });
  const api = new Api({ engine, checkpoints, analyses, circuits, latents });
  const editors = new Editors();
  const decorations = new Decorations(analyses, selection, latents);
  const codeLens = new AnalysisCodeLens(analyses, latents);
  const checkpointsTree = new CheckpointsTree(checkpoints, circuits, latents, saeChooser);
  const checkpointsView = vscode.window.createTreeView('circuitscope.checkpoints', {
    treeDataProvider: checkpointsTree,
  });
  const trees = {
    checkpoints: checkpointsTree,
    analyses: new AnalysesTree(analyses, latents),
    selection: new SelectionTree(analyses, selection, circuits, latents),
  };
  const hover = new TokenHover(analyses, selection, latents);
  const everywhere: vscode.DocumentSelector = { scheme: '*' };
  context.subscriptions.push(
    ...[log, work, engine, checkpoints, selection, analyses, circuits, panel, circuitsPanel],
    ...[latents, tokenLatents, sweeps, latentsPanel, layersPanel, followSae(latents, analyses, selection)],
    ...[trainings, trainingPanel, watchTrainings({ trainings, panel: trainingPanel, act })],
    safetensors.register(),
    restoreTraining(trainingPanel),
    watchFirstSteps(selection, analyses, circuits),
    ...[decorations, codeLens, resultEditor, api],
    ...Object.values(reports),
    ...[checkpointsTree, checkpointsView, followHead(checkpointsView, checkpoints, analyses, selection)],
    createStatusBar(checkpoints, latents, work),
    ...[steps, comparison, secondChooser, comparePanel, createStepStatus(steps)],
    steps.onDidChange(() => panel.showSteps(steps.now)),
    restorePanels({
      ...{ state, checkpoints, analyses, selection, latents, comparison },
      ...{ panel, latentsPanel, layersPanel, comparePanel },
    }),
    restoreCircuits(checkpoints, circuitsPanel),
    registerCircuitsView(circuitsParts),
    registerAgentTools(context.extension.packageJSON, () => ({ engine, checkpoints, latents })),
    registerMcpServer(inExtension('dist', 'cli.js').fsPath, String(context.extension.packageJSON.version)),
    vscode.languages.registerHoverProvider(everywhere, hover),
    vscode.languages.registerCodeLensProvider(everywhere, codeLens),
    ...[trees.analyses, trees.selection],
    vscode.window.registerTreeDataProvider('circuitscope.analyses', trees.analyses),
    vscode.window.registerTreeDataProvider('circuitscope.selection', trees.selection),
    editors,
    ...registerCommands({
      ...{
        extensionUri,
        log,
        work,
        engine,
        editors,
        checkpoints,
        chooser,
        analyses,
        selection,
        panel,
        circuitsPanel,
        reports,
      },
      ...{ latents, saeChooser, sweeps, latentsPanel, layersPanel, trainings, trainingPanel },
      ...{ comparison, comparePanel, secondChooser, steps, results },
    }),
  );
  const testing: ExtensionParts = {
    ...{ engine, checkpoints, analyses, selection, decorations, panel, circuits, circuitsPanel, reports, work, log },
    ...{
      latents,
      latentsPanel,
      layersPanel,
      comparison,
      comparePanel,
      safetensors,
      steps,
      sweeps,
      trainings,
      trainingPanel,
      actOnTraining: act,
      hover,
      codeLens,
      trees,
      results,
      resultEditor,
    },
  };
  // not spread: the active checkpoint is asked for anew each time
  return Object.defineProperty(api.exports, 'testing', { value: testing }) as ExtensionExports;
}
