/** What a tool for coding agents is. */
import type { CheckpointInfo } from '../../protocol/checkpoint';
import type { EngineRequests } from '../../protocol/engine';
import type { SaeInfo } from '../../protocol/latents';
import type { ToolRequests } from '../../protocol/tools';
import type { Prompt, PromptInput } from '../prompt';
import type { Fields, InputOf, InputSchema } from './schema';

export type OpenCheckpoint = Omit<CheckpointInfo, 'loadMs'>;
/** All requests of the engine but those of tools themselves. */
export type ToolMethod = Exclude<keyof EngineRequests, keyof ToolRequests>;

/** What a running tool can do. Paths are those of its input, or the defaults. */
export interface ToolContext {
  request<M extends ToolMethod>(method: M, params: EngineRequests[M][0]): Promise<EngineRequests[M][1]>;
  /** The checkpoint that the input names, opened where it is not yet. */
  checkpoint(): Promise<OpenCheckpoint>;
  /** The same, where it is open already. */
  foundCheckpoint(): OpenCheckpoint | undefined;
  /** The sparse autoencoder that the input names, beside that checkpoint. */
  sae(): Promise<SaeInfo>;
  /** Those that are open, opened last last. */
  openCheckpoints(): OpenCheckpoint[];
  openSaes(): SaeInfo[];
  /** A path of the input, made absolute. */
  path(given: string): Promise<string>;
  prompt(checkpoint: OpenCheckpoint, input: PromptInput): Prompt;
  closeCheckpoint(checkpoint: OpenCheckpoint): Promise<void>;
}

/** One line of the table. */
export interface Tool {
  name: string;
  title: string;
  /** For the language model. */
  description: string;
  inputSchema: InputSchema;
  /** What the numbers of the result are in, by their key. */
  units: Readonly<Record<string, string>>;
  /** @param input has been checked against the schema */
  run(context: ToolContext, input: Record<string, unknown>): Promise<object>;
}

interface Definition<F extends Fields, R extends keyof F & string> extends Omit<Tool, 'inputSchema' | 'run'> {
  fields: F;
  required?: readonly R[];
  run(context: ToolContext, input: InputOf<F, R>): Promise<object>;
}

export function defineTool<F extends Fields, const R extends keyof F & string = never>({
  fields,
  required,
  run,
  ...tool
}: Definition<F, R>): Tool {
  return {
    ...tool,
    inputSchema: { type: 'object', properties: fields, ...(required && { required }), additionalProperties: false },
    // `checkInput` has made it so
    run: (context, input) => run(context, input as InputOf<F, R>),
  };
}
