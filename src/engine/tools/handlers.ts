/** The requests of tools over all others of the engine. What is open is the engine's; a tool finds it by its path. */
import * as l10n from '@vscode/l10n';
import { InputError, shown } from '../checkpoint/errors';
import type { SaeInfo } from '../../protocol/latents';
import type { ToolAnswer, ToolCall, ToolPreparation, ToolRequests } from '../../protocol/tools';
import type { Prompt, PromptInput } from '../prompt';
import { Serial } from '../serial';
import type { EngineHandlers, RequestContext } from '../service';
import { absolutePath, checkpointRead, folderRead, saeRead, sameCheckpoint } from './paths';
import { checkInput } from './schema';
import { tools } from './table';
import type { OpenCheckpoint, Tool, ToolContext, ToolMethod } from './tool';

/** The engine as the tools see it. */
export interface ToolEngine {
  handlers: Pick<EngineHandlers, ToolMethod>;
  /** Opened last last. */
  checkpoints(): OpenCheckpoint[];
  saes(): SaeInfo[];
  prompt(checkpointId: string, input: PromptInput): Prompt;
}

/** An agent that opens one after another must close some. */
const MOST_OPEN = 8;

interface Called {
  tool: Tool;
  input: Record<string, unknown>;
  roots: string[];
  /** Absolute, as named or by default. */
  checkpoint?: string;
  mlsae?: string;
}

export function toolHandlers(engine: ToolEngine): Pick<EngineHandlers, keyof ToolRequests> {
  const paths = new Paths(engine);
  return {
    callTool: async (call, context) => {
      const called = await read(call);
      const answer: Pick<ToolAnswer, 'opened' | 'closed'> = {};
      const output = await called.tool.run(contextOf(engine, paths, { call, called, answer, context }), called.input);
      return { output: { ...output, units: called.tool.units }, ...answer };
    },
    prepareTool: async (call): Promise<ToolPreparation> => {
      const called = await read(call);
      const { head } = called.input;
      const { title } = called.tool;
      return { asks: await asksOf(paths, called), title: typeof head === 'string' ? `${title}, ${head}` : title };
    },
  };
}

/** What is read that is not open, and what is closed. */
async function asksOf(paths: Paths, { tool, input, roots, checkpoint, mlsae }: Called): Promise<string[]> {
  const { properties } = tool.inputSchema;
  const open = paths.found(checkpoint);
  if (tool.name === 'close_checkpoint')
    return open ? [l10n.t('Closes the checkpoint {0}, its analyses and the autoencoders beside it.', open.path)] : [];
  const asks: string[] = [];
  if (typeof input.folder === 'string') asks.push(folderRead(await absolutePath(input.folder, roots)));
  if ('checkpoint' in properties && checkpoint !== undefined && !open) asks.push(await checkpointRead(checkpoint));
  if ('mlsae' in properties && mlsae !== undefined && !(open && paths.sae(open, mlsae)))
    asks.push(await saeRead(mlsae));
  return asks;
}

async function read({ name, input, roots, defaults = {} }: ToolCall): Promise<Called> {
  const tool = tools.find((each) => each.name === name);
  if (!tool)
    throw new InputError(
      l10n.t('There is no tool {0}: expected {1}.', shown(name), tools.map((t) => t.name).join(', ')),
    );
  const checked = checkInput(name, tool.inputSchema, input ?? {});
  const path = async (field: 'checkpoint' | 'mlsae'): Promise<string | undefined> => {
    const given = checked[field];
    return typeof given === 'string' ? absolutePath(given, roots) : defaults[field];
  };
  const checkpoint = await path('checkpoint');
  // an autoencoder that is open belongs to the checkpoint that is open, not to one that is named
  const mlsae = checked.mlsae !== undefined || checkpoint === defaults.checkpoint ? await path('mlsae') : undefined;
  return { tool, input: checked, roots, ...(checkpoint && { checkpoint }), ...(mlsae && { mlsae }) };
}

/** Finds what is open by the paths that it was opened by. */
class Paths {
  /** Ids by absolute path as it was named. */
  private readonly named = new Map<string, string>();

  constructor(private readonly engine: ToolEngine) {}

  /** Without a path what was opened last. */
  found(path: string | undefined): OpenCheckpoint | undefined {
    return path === undefined ? this.engine.checkpoints().at(-1) : this.checkpoint(path);
  }

  private checkpoint(path: string): OpenCheckpoint | undefined {
    const open = this.engine.checkpoints();
    const id = this.named.get(path);
    return open.find((each) => each.id === id) ?? open.find((each) => sameCheckpoint(each.path, path));
  }

  sae({ id: checkpointId }: OpenCheckpoint, path: string): SaeInfo | undefined {
    const open = this.engine.saes().filter((sae) => sae.checkpointId === checkpointId);
    const id = this.named.get(path);
    return open.find((sae) => sae.id === id) ?? open.find((sae) => sameCheckpoint(sae.path, path));
  }

  name(path: string, id: string): void {
    this.named.set(path, id);
  }

  /** Opening goes one after another, so that nothing is opened twice. */
  readonly opening = new Serial();
}

interface Running {
  call: ToolCall;
  called: Called;
  /** Filled while it runs. */
  answer: Pick<ToolAnswer, 'opened' | 'closed'>;
  context: RequestContext;
}

function contextOf(engine: ToolEngine, paths: Paths, { call, called, answer, context }: Running): ToolContext {
  const request: ToolContext['request'] = async (method, params) => {
    // the table's type ties a method to its params; over all methods at once TypeScript cannot see it
    const handler = engine.handlers[method] as (params: unknown, context: RequestContext) => unknown;
    return (await handler(params, context)) as never;
  };
  const openCheckpoint = async (path: string): Promise<OpenCheckpoint> => {
    const open = paths.found(path);
    if (open) return open;
    if (engine.checkpoints().length >= MOST_OPEN)
      throw new InputError(l10n.t('{0} checkpoints are open; close one of them first (close_checkpoint).', MOST_OPEN));
    const opened = await request('openCheckpoint', { path, providers: call.providers });
    paths.name(path, opened.id);
    answer.opened = opened;
    return opened;
  };
  const foundCheckpoint = (): OpenCheckpoint | undefined => paths.found(called.checkpoint);
  const checkpoint = async (): Promise<OpenCheckpoint> => {
    const found = foundCheckpoint();
    if (found) return found;
    if (called.checkpoint !== undefined) return paths.opening.run(() => openCheckpoint(called.checkpoint!));
    throw new InputError(
      l10n.t('No checkpoint is open: open one with open_checkpoint, or give its path as “checkpoint”.'),
    );
  };
  const openSae = async (of: OpenCheckpoint, path: string): Promise<SaeInfo> => {
    const open = paths.sae(of, path);
    if (open) return open;
    const { saeLayer: layer } = called.input;
    const params = { checkpointId: of.id, path, ...(typeof layer === 'number' && { layer }) };
    const opened = await request('openSae', params);
    paths.name(path, opened.id);
    return opened;
  };
  return {
    request,
    checkpoint,
    foundCheckpoint,
    async sae() {
      const of = await checkpoint();
      const last = engine.saes().findLast((sae) => sae.checkpointId === of.id);
      if (called.mlsae !== undefined) return paths.opening.run(() => openSae(of, called.mlsae!));
      if (last) return last;
      throw new InputError(l10n.t('No sparse autoencoder is open beside {0}: give its path as “mlsae”.', of.name));
    },
    openCheckpoints: () => engine.checkpoints(),
    openSaes: () => engine.saes(),
    path: (given) => absolutePath(given, called.roots),
    prompt: ({ id }, input) => engine.prompt(id, input),
    async closeCheckpoint({ id, path }) {
      await request('closeCheckpoint', { checkpointId: id });
      answer.closed = path;
    },
  };
}
