/** Language model tools: what package.json contributes as `circuitscope_NAME` is the engine's tool NAME. */
import * as vscode from 'vscode';
import type { ToolCall } from '../protocol/tools';
import { providers, type Checkpoints } from './checkpoints';
import { EngineCancelledError, EngineRequestError } from './engineClient';
import type { EngineService } from './engineService';
import type { Latents } from './latents';

const PREFIX = 'circuitscope_';

export interface AgentParts {
  engine: EngineService;
  checkpoints: Checkpoints;
  latents: Latents;
}

/** @param parts asked for by a call */
export const agentTool = (name: string, parts: () => AgentParts): AgentTool =>
  new AgentTool(name.slice(PREFIX.length), parts);

/** A tool of the engine. What it opens shows in the side bar; without a path it is about the checkpoint in use. */
export class AgentTool implements vscode.LanguageModelTool<object> {
  constructor(
    private readonly name: string,
    private readonly parts: () => AgentParts,
  ) {}

  /** The person is asked before files are read that are not open yet, and before one is closed. */
  async prepareInvocation(
    { input }: vscode.LanguageModelToolInvocationPrepareOptions<object>,
    token: vscode.CancellationToken,
  ): Promise<vscode.PreparedToolInvocation | undefined> {
    try {
      const { asks, title } = await this.parts().engine.request('prepareTool', this.call(input), { token });
      const message = [...asks, vscode.l10n.t('Nothing is written.')].join('\n\n');
      return {
        invocationMessage: `Circuitscope: ${title}`,
        ...(asks.length > 0 && { confirmationMessages: { title: `Circuitscope: ${title}`, message } }),
      };
    } catch (error) {
      // a mistake needs no permission: the call itself tells it to the agent
      if (error instanceof EngineRequestError && error.isInput) return undefined;
      throw asAgentError(error);
    }
  }

  async invoke(
    { input }: vscode.LanguageModelToolInvocationOptions<object>,
    token: vscode.CancellationToken,
  ): Promise<vscode.LanguageModelToolResult> {
    const { engine, checkpoints } = this.parts();
    try {
      const { output, opened, closed } = await engine.request('callTool', this.call(input), { token });
      if (opened) checkpoints.adopt(opened);
      const gone = closed === undefined ? undefined : checkpoints.at(closed);
      if (gone) await checkpoints.close(gone);
      return new vscode.LanguageModelToolResult([new vscode.LanguageModelTextPart(JSON.stringify(output))]);
    } catch (error) {
      throw asAgentError(error);
    }
  }

  private call(input: object): ToolCall {
    const { checkpoints, latents } = this.parts();
    const { active } = checkpoints;
    const sae = active && latents.of(active);
    return {
      name: this.name,
      input,
      roots: (vscode.workspace.workspaceFolders ?? []).map(({ uri }) => uri.fsPath),
      providers: providers(),
      defaults: { ...(active && { checkpoint: active.path }), ...(sae && { mlsae: sae.path }) },
    };
  }
}

const asAgentError = (error: unknown): unknown =>
  error instanceof EngineCancelledError ? new vscode.CancellationError() : error;
