/**
 * Serves the tools over the Model Context Protocol. A bundle of its own (`dist/mcp.js`), which the command line loads when it is
 * asked for it: the SDK takes longer to load than any other command needs to start. What it serves is handed in, so that the
 * engine is not in it a second time.
 */
import { setImmediate } from 'node:timers/promises';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import type { CallToolResult, ProgressNotification, Tool as McpTool } from '@modelcontextprotocol/sdk/types.js';
import type { Steps } from './runtime/types';
import type { Tool } from './tools/tool';

export interface McpParts {
  version: string;
  instructions: string;
  tools: readonly Tool[];
  /** @throws Error whose message is a sentence for the agent */
  call(name: string, input: unknown, steps: Steps): Promise<object>;
  /** A message that could not be read, or sent. */
  onError(error: Error): void;
}

/** Longest message that is read; a text has at most 100,000 characters. */
const MAX_MESSAGE = 4 << 20;

export interface McpServer {
  /** Resolves when the client has gone, or `close` was called. */
  closed: Promise<void>;
  close(): Promise<void>;
}

/** Serves on stdin and stdout. */
export async function serveMcp({ version, instructions, tools, call, onError }: McpParts): Promise<McpServer> {
  const server = new Server({ name: 'circuitscope', version }, { capabilities: { tools: {} }, instructions });
  server.onerror = onError;
  const closed = new Promise<void>((resolve) => (server.onclose = resolve));
  server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: tools.map(listed) }));
  server.setRequestHandler(CallToolRequestSchema, async ({ params }, { signal, sendNotification }) => {
    const progressToken = params._meta?.progressToken;
    const steps = requestSteps(signal, async (message, progress) => {
      if (progressToken === undefined) return;
      const notification: ProgressNotification = {
        method: 'notifications/progress',
        params: { progressToken, progress, message },
      };
      await sendNotification(notification);
    });
    try {
      return success(await call(params.name, params.arguments ?? {}, steps));
    } catch (error) {
      signal.throwIfAborted();
      return {
        isError: true,
        content: [{ type: 'text', text: error instanceof Error ? error.message : String(error) }],
      };
    }
  });
  await server.connect(new StdioServerTransport(process.stdin, process.stdout, { maxBufferSize: MAX_MESSAGE }));
  // the transport does not look whether its client is still there; what runs for it stops at its next step
  process.stdin.once('end', () => void server.close());
  return { closed, close: () => server.close() };
}

const listed = ({ name, title, description, inputSchema: { required = [], ...schema } }: Tool): McpTool => ({
  name,
  title,
  description,
  inputSchema: { ...schema, required: [...required] },
  annotations: { title, readOnlyHint: true, idempotentHint: true, openWorldHint: false },
});

/** As data, and as text for clients that know no data. */
const success = (output: object): CallToolResult => ({
  content: [{ type: 'text', text: JSON.stringify(output) }],
  structuredContent: { ...output },
});

/** Between two steps a cancellation is read; `progress` counts the steps, since it must grow and fractions start again. */
export function requestSteps(signal: AbortSignal, report: (message: string, progress: number) => Promise<void>): Steps {
  let progress = 0;
  return {
    async step(message) {
      // twice: the first may come before the event loop polls stdin
      await setImmediate();
      await setImmediate();
      signal.throwIfAborted();
      await report(message, ++progress);
    },
  };
}
