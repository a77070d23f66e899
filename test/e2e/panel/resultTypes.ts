/** What tests and the page of a saved result say to each other. */
import type { ResultAction, ResultPage } from '../../../src/protocol/resultPage';

/** `window.panelHost` in the page. */
export interface ResultHost {
  /** What the page's buttons asked for, oldest first. */
  sent: ResultAction[];
  send(page: ResultPage): void;
}
