/** The engine's process: forked by the extension host, spoken to over its IPC channel. */
// first: texts of the others are asked for while they load
import './language';
import { createMessageConnection, IPCMessageReader, IPCMessageWriter, NotificationType } from 'vscode-jsonrpc/node';
import type { LogLine } from '../protocol/engine';
import { exitWithParent } from './parentWatch';
import { engineParts } from './parts';
import { serve } from './server';
import { createService } from './service';

exitWithParent();
const connection = createMessageConnection(new IPCMessageReader(process), new IPCMessageWriter(process));
const logType = new NotificationType<LogLine>('log');
// a line that cannot be sent any more is lost
const log = (line: LogLine): void => void connection.sendNotification(logType, line).catch(() => undefined);

process.on('unhandledRejection', (reason) => {
  const message = reason instanceof Error ? (reason.stack ?? reason.message) : String(reason);
  log({ level: 'error', message: `Unhandled rejection in the engine: ${message}` });
});

serve(connection, createService(engineParts(log)));
connection.listen();
