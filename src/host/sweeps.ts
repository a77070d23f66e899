import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as vscode from 'vscode';
import type { SaeInfo } from '../protocol/latents';
import { type Corpus, type CorpusSummary } from '../protocol/latents/corpus';
import { EngineCancelledError, EngineClient, type RequestOptions } from './engineClient';
import { translationsFile } from './engineLanguage';
import { providers, type Checkpoints } from './checkpoints';
import type { Latents, SaeOptions } from './latents';
import { logLine, showError, type Log } from './log';
import { askToStartOver } from './sweepQuestions';
import { sentence, Work } from './work';
import { textCount, tokenCount, wantsOtherFolder } from './words';

/** The sweep that has not come to its end. */
const KEY = 'circuitscope.unfinishedSweep';

/** A sweep that was cancelled may take that long to save itself. */
const SAVING_MS = 5000;

/** A sweep, as it is remembered: enough to begin it again where it stopped. */
export interface SweepPlan {
  checkpointPath: string;
  saePath: string;
  options: SaeOptions;
  corpus: Corpus;
  /** Folder of the results. */
  out: string;
}

export interface SweepsParts {
  enginePath: string;
  checkpoints: Checkpoints;
  latents: Latents;
  log: Log;
  state: vscode.Memento;
}

/**
 * Sweeps of corpora. Each runs in an engine of its own, so that prompts are answered meanwhile, and is begun again where it
 * stopped: after Cancel, a crash or a reload of the window.
 */
export class Sweeps implements vscode.Disposable {
  private readonly work: Work;
  private client: EngineClient | undefined;
  private readonly offered = new Set<string>();
  private readonly subscription: vscode.Disposable;

  constructor(private readonly parts: SweepsParts) {
    this.work = new Work(parts.log, 0);
    this.subscription = parts.latents.onDidChange(() => this.offerUnfinished());
  }

  get running(): boolean {
    return this.client !== undefined;
  }

  /** Of the engine that sweeps. */
  get pid(): number | undefined {
    return this.client?.pid;
  }

  get unfinished(): SweepPlan | undefined {
    return this.parts.state.get<SweepPlan>(KEY);
  }

  /** What a sweep of an SAE would be. */
  planOf(sae: SaeInfo, corpus: Corpus, out: string): SweepPlan | undefined {
    const { latents } = this.parts;
    const checkpoint = latents.checkpointOf(sae);
    if (!checkpoint) return undefined;
    return { checkpointPath: checkpoint.path, saePath: sae.path, options: latents.optionsOf(sae), corpus, out };
  }

  /** Runs or resumes a sweep and opens its results. One at a time. */
  async run(plan: SweepPlan): Promise<CorpusSummary | undefined> {
    if (this.client) {
      showError(vscode.l10n.t('A sweep is running already: cancel it first.'));
      return undefined;
    }
    const { state, log, enginePath } = this.parts;
    this.offered.add(plan.out);
    await state.update(KEY, plan);
    const client = (this.client = new EngineClient(enginePath, (line) => logLine(log, line), {
      translations: translationsFile(),
    }));
    let stopped = vscode.l10n.t('The sweep into {0} was cancelled.', path.basename(plan.out));
    const summary = await this.work
      .run(
        vscode.l10n.t('Sweeping {0}', plan.corpus.globs.join(', ')),
        (token, onProgress) => sweep(client, plan, { token, onProgress }),
        (message) => (stopped = message),
      )
      .finally(() => {
        client.dispose();
        this.client = undefined;
      });
    if (summary) return this.finish(plan, summary);
    void (wantsOtherFolder(stopped) ? this.startOver(plan, stopped) : this.askToResume(plan, stopped));
    return undefined;
  }

  cancel(): void {
    this.work.cancel();
  }

  private async finish({ saePath, out }: SweepPlan, summary: CorpusSummary): Promise<CorpusSummary> {
    const { latents, state } = this.parts;
    await state.update(KEY, undefined);
    const sae = latents.all.find((each) => each.path === saePath);
    try {
      if (sae) await latents.openCorpus(sae, out);
      const said = vscode.l10n.t('{0} with {1} were swept.', textCount(summary.documents), tokenCount(summary.tokens));
      void vscode.window.showInformationMessage(said);
    } catch (error) {
      showError(sentence(vscode.l10n.t('Opening the sweep'), error));
    }
    return summary;
  }

  /** The folder has a sweep of something else, such as of code that was edited since. */
  private async startOver(plan: SweepPlan, message: string): Promise<void> {
    const out = await askToStartOver(plan.out, message);
    if (out !== undefined) await this.run({ ...plan, out });
    else await this.parts.state.update(KEY, undefined);
  }

  private async askToResume(plan: SweepPlan, message: string): Promise<void> {
    const [resume, forget] = [vscode.l10n.t('Resume'), vscode.l10n.t('Forget It')];
    const answer = await vscode.window.showWarningMessage(message, resume, forget);
    if (answer === resume) await this.run(plan);
    if (answer === forget) await this.parts.state.update(KEY, undefined);
  }

  /** After a reload, once its SAE is open again. */
  private offerUnfinished(): void {
    const plan = this.unfinished;
    if (!plan || this.running || this.offered.has(plan.out)) return;
    if (!this.parts.latents.all.some((sae) => sae.path === plan.saePath)) return;
    this.offered.add(plan.out);
    void this.askToResume(plan, vscode.l10n.t('The sweep into {0} was not finished.', path.basename(plan.out)));
  }

  dispose(): void {
    this.subscription.dispose();
    this.client?.dispose();
    this.work.dispose();
  }
}

async function sweep(client: EngineClient, plan: SweepPlan, options: RequestOptions): Promise<CorpusSummary> {
  const { checkpointPath, saePath, corpus, out } = plan;
  await client.start();
  const params = { path: checkpointPath, providers: providers() };
  const { id: checkpointId } = await client.request('openCheckpoint', params, options);
  const { id: saeId } = await client.request('openSae', { checkpointId, path: saePath, ...plan.options }, options);
  try {
    return await client.request('sweep', { saeId, corpus, out }, options);
  } catch (error) {
    // closing waits until what was swept is saved
    if (error instanceof EngineCancelledError)
      await Promise.race([client.request('closeCheckpoint', { checkpointId }), sleep(SAVING_MS)]).catch(
        () => undefined,
      );
    throw error;
  }
}
