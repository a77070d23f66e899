import './language';
import * as vscode from 'vscode';
import { agentTool, type AgentTool } from './agentTools';
import { Analyses } from './analyses';
import { Api } from './api';
import { AttentionPanel } from './attentionPanel';
import { CheckpointChooser } from './chooseCheckpoint';
import { SaeChooser } from './chooseSae';
import { SecondChooser } from './chooseSecond';
import { Checkpoints } from './checkpoints';
import { Circuits } from './circuits';
import { CircuitsPanel } from './circuitsPanel';
import { createCircuitsView, SIDE_VIEW } from './circuitsView';
import { AnalysisCodeLens } from './codeLens';
import { commandsOf } from './commands';
import { createStepStatus } from './compareCommands';
import { ComparePanel } from './comparePanel';
import { Comparison } from './comparison';
import { Decorations } from './decorations';
import type { Editors } from './editors';
import { EngineService } from './engineService';
import { exportPattern } from './exportPattern';
import { watchFirstSteps } from './firstSteps';
import { TokenHover } from './hover';
import { Latents } from './latents';
import { followSae } from './latentSelection';
import { LatentsPanel } from './latentsPanel';
import { LayersPanel } from './layersPanel';
import { createLog, type Log } from './log';
import { runPanelCommand } from './panelCommand';
import { createReports, type Reports } from './reports';
import { restoreCircuits, restorePanels, type Serializers } from './restore';
import { ResultEditor } from './resultEditor';
import { Results } from './results';
import { SafetensorsEditor } from './safetensorsEditor';
import { SelectionStore } from './selection';
import { SelectionTree } from './selectionTree';
import { createStatusBar } from './statusBar';
import { Sweeps } from './sweeps';
import { TokenLatentsFeed } from './tokenLatents';
import { actOnTraining } from './trainingCommands';
import { restoreTraining, watchTrainings } from './trainingNotices';
import { TrainingPanel, type TrainingPanelParts } from './trainingPanel';
import { TrainingSteps } from './trainingSteps';
import { Trainings } from './trainings';
import type { CheckpointNode } from './treeNodes';
import { AnalysesTree, CheckpointsTree, followHead } from './trees';
import { Work } from './work';
import type { CircuitscopeApi } from '../protocol/api';

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
  features: Pick<Features, 'commands' | 'trees' | 'pages' | 'serializers'>;
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

/** All that is behind what VS Code was told at activation (lazy.ts), by the ids of package.json. */
export interface Features {
  commands: ReturnType<typeof commandsOf>;
  trees: Record<string, vscode.TreeDataProvider<unknown>>;
  /** Views of the side bar that are pages. */
  pages: Record<string, vscode.WebviewViewProvider>;
  /** Panels that come back after a reload. */
  serializers: Serializers;
  resultEditor: ResultEditor;
  safetensors: SafetensorsEditor;
  tool(name: string): AgentTool;
  api: CircuitscopeApi;
  testing: ExtensionParts;
}

/** What there is since activation. */
export interface Given {
  editors: Editors;
  views: Record<string, vscode.TreeView<unknown> | undefined>;
}

/** Wires the parts, nothing else. */
export function createFeatures(context: vscode.ExtensionContext, { editors, views }: Given): Features {
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
    command: (name) => (name === 'cancel' ? work.cancel() : runPanelCommand(name, 'attention')),
    exportAs: (format, png) => void exportPattern(analyses, selection, format, png),
    goToStep: (index) => void steps.goTo(index),
  });
  const { extensionUri } = context;
  const circuitsParts = { extensionUri, checkpoints, analyses, selection, circuits, log };
  const circuitsPanel = new CircuitsPanel(circuitsParts);
  const latentsParts = { extensionUri, checkpoints, analyses, selection, latents, work, log };
  const latentsPanel = new LatentsPanel(latentsParts);
  const layersPanel = new LayersPanel(latentsParts);
  const comparePanel = new ComparePanel({ ...latentsParts, comparison, circuits, steps });
  const reports = createReports({ extensionUri, engine, checkpoints, analyses, selection, tokenLatents, log });
  const safetensors = new SafetensorsEditor(extensionUri, engine, log);
  const trainings = new Trainings({ enginePath, log, state, ask: engine.request });
  const act: TrainingPanelParts['act'] = (what) => actOnTraining({ checkpoints, chooser, latents, trainings }, what);
  const trainingPanel = new TrainingPanel({ extensionUri, trainings, act });
  const results = new Results({
    ...{ extensionUri, engine, checkpoints, analyses, selection, circuits, latents },
    ...{ layersPanel, comparePanel, comparison },
    ...{ panel, circuitsPanel, latentsPanel, reports, log, version: String(context.extension.packageJSON.version) },
  });
  const resultEditor = new ResultEditor({ extensionUri, results, log });
  const api = new Api({ engine, checkpoints, analyses, circuits, latents });
  const decorations = new Decorations(analyses, selection, latents);
  const codeLens = new AnalysisCodeLens(analyses, latents);
  const checkpointsTree = new CheckpointsTree(checkpoints, circuits, latents, saeChooser);
  const checkpointsView = views['circuitscope.checkpoints'] as vscode.TreeView<CheckpointNode>;
  const trees = {
    checkpoints: checkpointsTree,
    analyses: new AnalysesTree(analyses, latents),
    selection: new SelectionTree(analyses, selection, circuits, latents),
  };
  const hover = new TokenHover(analyses, selection, latents);
  const everywhere: vscode.DocumentSelector = { scheme: '*' };
  const restored = restorePanels({
    ...{ state, checkpoints, analyses, selection, latents, comparison },
    ...{ panel, latentsPanel, layersPanel, comparePanel },
  });
  const circuitsView = createCircuitsView(circuitsParts);
  context.subscriptions.push(
    ...[log, work, engine, checkpoints, selection, analyses, circuits, panel, circuitsPanel],
    ...[latents, tokenLatents, sweeps, latentsPanel, layersPanel, followSae(latents, analyses, selection)],
    ...[trainings, trainingPanel, watchTrainings({ trainings, panel: trainingPanel, act })],
    watchFirstSteps(selection, analyses, circuits),
    ...[decorations, codeLens, resultEditor, api],
    ...Object.values(reports),
    ...[checkpointsTree, followHead(checkpointsView, checkpoints, analyses, selection)],
    createStatusBar(checkpoints, latents, work),
    ...[steps, comparison, secondChooser, comparePanel, createStepStatus(steps)],
    steps.onDidChange(() => panel.showSteps(steps.now)),
    ...[restored, circuitsView],
    vscode.languages.registerHoverProvider(everywhere, hover),
    vscode.languages.registerCodeLensProvider(everywhere, codeLens),
    ...[trees.analyses, trees.selection],
  );
  const commands = commandsOf({
    ...{ extensionUri, log, work, engine, editors, checkpoints, chooser, analyses, selection, panel, circuitsPanel },
    ...{ reports, latents, saeChooser, sweeps, latentsPanel, layersPanel, trainings, trainingPanel },
    ...{ comparison, comparePanel, secondChooser, steps, results },
  });
  const features = {
    commands,
    trees: Object.fromEntries(Object.entries(trees).map(([name, tree]) => [`circuitscope.${name}`, tree])),
    pages: { [SIDE_VIEW]: circuitsView },
    serializers: {
      ...restored.serializers,
      ...restoreCircuits(checkpoints, circuitsPanel),
      ...restoreTraining(trainingPanel),
    },
  };
  const testing: ExtensionParts = {
    ...{ engine, checkpoints, analyses, selection, decorations, panel, circuits, circuitsPanel, reports, work, log },
    ...{ latents, latentsPanel, layersPanel, comparison, comparePanel, safetensors, steps, sweeps, trainings },
    ...{ trainingPanel, actOnTraining: act, hover, codeLens, trees, results, resultEditor, features },
  };
  const tool = (name: string): AgentTool => agentTool(name, () => ({ engine, checkpoints, latents }));
  return { ...features, resultEditor, safetensors, tool, api: api.exports, testing };
}
