/** What tests and the page of a panel with one answer say to each other. */
import type { HostToReport, ReportMethod } from '../../../src/protocol/reportPanel';
import type { Selection } from '../../../src/protocol/selection';
import type { Fixture } from './types';

export interface ReportFixture extends Fixture {
  method: ReportMethod;
}
export interface ReportMessage {
  method: string;
  params: unknown;
}
/** `window.panelHost` in the page. */
export interface ReportHost {
  sent: ReportMessage[];
  selection: Selection;
  send<K extends keyof HostToReport>(method: K, params: HostToReport[K]): void;
  /** As if the editor had changed the selection. */
  select(next: Selection): void;
}
