/** The states of the attention panel. */
import type { JSX } from 'preact';
import { StatusLines } from '../shared/status';
import { command, status, view } from './store';

export const Lines = (): JSX.Element => (
  <StatusLines now={status.value} stale={view.value?.stale} notices={view.value?.analysis.notices} command={command} />
);
