import type { Command } from 'commander';
import { version } from '../../../package.json';
import { InputError } from '../checkpoint/errors';
import { GoneError } from '../errors';
import { engineParts } from '../parts';
import type { Steps } from '../runtime/types';
import { createService } from '../service';
import { tools } from '../tools/table';
import { noSteps } from './open';
import { note } from './print';

const INSTRUCTIONS =
  'Looks into transformer checkpoints on this machine: attention, head scores, composition, sparse autoencoders, logit attribution. ' +
  'Open a checkpoint first (open_checkpoint), or name its path with any tool. Layers, heads, latents and token positions count ' +
  'from 0; a head is written L1H4. Numbers are rounded to 4 digits; “units” says what they are in, “more” how to get the rest. ' +
  'Files are only read.';

interface McpOptions {
  mlsae?: string;
  provider?: string;
}

/** `circuitscope mcp`: the tools for coding agents over the Model Context Protocol. stdout belongs to the protocol. */
export const mcpCommand = (root: Command): void => {
  root
    .command('mcp')
    .description('serve tools for coding agents over the Model Context Protocol, on stdin and stdout')
    .argument('[checkpoint]', 'opened at the start: a folder with config.json and .safetensors, or a .onnx file')
    .option('--mlsae <folder>', 'sparse autoencoder that is opened with the checkpoint')
    .option('--provider <name>', 'execution provider, e.g. cpu or cuda (default: the first that starts)')
    .action(mcp);
};

async function mcp(checkpoint: string | undefined, { mlsae, provider }: McpOptions): Promise<void> {
  if (mlsae !== undefined && checkpoint === undefined) throw new InputError('--mlsae needs a checkpoint');
  const service = createService(engineParts(({ level, message }) => note(`${level}: ${message}`)));
  const providers = provider === undefined ? [] : [provider];
  const call = async (name: string, input: unknown, steps: Steps): Promise<object> => {
    const { output } = await service.callTool({ name, input, roots: [process.cwd()], providers }, { steps });
    return output;
  };
  // not before the first messages are read: a client does not wait long for the answer to them
  let opening: Promise<unknown> = Promise.resolve();
  const { serveMcp } = await import('../mcp');
  const server = await serveMcp({
    ...{ version, instructions: INSTRUCTIONS, tools },
    call: async (...params) => {
      await opening;
      return call(...params).catch((error: unknown) => Promise.reject(forAgent(error)));
    },
    onError: (error) => note(`Model Context Protocol: ${error.message}`),
  });
  if (checkpoint !== undefined) opening = call('open_checkpoint', { checkpoint, mlsae }, noSteps);
  try {
    await opening;
    await server.closed;
  } finally {
    await server.close();
  }
}

/** Mistakes keep their sentence; of any other error the rest is for the person. */
function forAgent(error: unknown): unknown {
  if (error instanceof InputError || error instanceof GoneError) return error;
  if (error instanceof Error && error.name !== 'AbortError') note(`internal error: ${error.stack}`);
  return new Error(`Internal error: ${error instanceof Error ? error.message : String(error)}`);
}
