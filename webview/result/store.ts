/** Everything the page of a result knows. */
import { signal } from '@preact/signals';
import {
  hostToResult,
  resultToHost,
  type HostToResult,
  type ResultAction,
  type ResultPage,
  type ResultToHost,
} from '../../src/protocol/resultPage';
import { connectHost } from '../shared/messaging';

const host = connectHost<HostToResult, ResultToHost>();

export const page = signal<ResultPage | undefined>(undefined);

export const act = (action: ResultAction): void => host.send(resultToHost.act, action);

/** Asks the host for everything and listens from now on. */
export function connect(): void {
  host.on(hostToResult.page, (next) => (page.value = next));
  host.start();
  host.send(resultToHost.ready, null);
}
