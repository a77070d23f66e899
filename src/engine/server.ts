/** Serves the engine's requests on a JSON-RPC connection. A request is sent as `[params, progress token or null]`. */
import { setImmediate } from 'node:timers/promises';
import { ErrorCodes, ProgressType, RequestType2, ResponseError } from 'vscode-jsonrpc/node';
import type { CancellationToken, MessageConnection } from 'vscode-jsonrpc/node';
import { EngineErrorCode } from '../protocol/engine';
import type { EngineMethod, EngineProgress } from '../protocol/engine';
import { InputError } from './checkpoint/errors';
import { CancelledError, GoneError } from './errors';
import type { Steps } from './runtime/types';
import type { EngineHandlers, RequestContext } from './service';

type ProgressToken = number | null;

const progressType = new ProgressType<EngineProgress>();

const errorCode = (error: unknown): number => {
  if (error instanceof InputError) return EngineErrorCode.badInput;
  if (error instanceof GoneError) return EngineErrorCode.gone;
  if (error instanceof CancelledError) return EngineErrorCode.cancelled;
  return ErrorCodes.InternalError;
};

/** Errors of the person keep their sentence; any other error takes its stack along for the log. */
function toResponseError(error: unknown): ResponseError<string | undefined> {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  const code = errorCode(error);
  return new ResponseError(code, message, code === ErrorCodes.InternalError ? stack : undefined);
}

/** Steps of one request: lets the messages that have arrived be read, stops when it is cancelled, reports. */
function requestSteps(connection: MessageConnection, progress: ProgressToken, token: CancellationToken): Steps {
  return {
    async step(message, fraction, report) {
      // twice: the first may come before the event loop polls the channel
      await setImmediate();
      await setImmediate();
      if (token.isCancellationRequested) throw new CancelledError();
      if (progress === null) return;
      await connection.sendProgress(progressType, progress, { message, fraction, ...(report && { report }) });
    },
  };
}

/** Answers every request; the caller starts the connection with `listen()`. */
export function serve(connection: MessageConnection, handlers: EngineHandlers): void {
  for (const method of Object.keys(handlers) as EngineMethod[]) {
    // the table's type ties each method to its params; over all methods at once TypeScript cannot see it
    const handler = handlers[method] as (params: unknown, context: RequestContext) => unknown;
    const type = new RequestType2<unknown, ProgressToken, unknown, string | undefined>(method);
    connection.onRequest(type, async (params, progress, token) => {
      try {
        return await handler(params, { steps: requestSteps(connection, progress, token) });
      } catch (error) {
        return toResponseError(error);
      }
    });
  }
}
