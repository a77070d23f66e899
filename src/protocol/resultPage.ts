/** Host ↔ the page that a `.circuitscope.json` opens as. */
import type { ResultCheck } from './resultCheck';
import type { FileIdentity, ResultFile } from './resultFile';

/** Whether the files that a result was made of are there. */
export interface FoundFiles extends FileIdentity {
  /** Absolute; where they were found, else where they were looked for. */
  at: string;
  /** Why they cannot be used. */
  problem?: string;
  /** What is not as it was. */
  changes: string[];
}

/** All that is shown. */
export interface ResultPage {
  /** Name of the file. */
  file: string;
  /** Or why it cannot be read. */
  result: ResultFile | { error: string };
  /** Absent while they are looked for. */
  checkpoint?: FoundFiles;
  sae?: FoundFiles;
  /** B of a comparison. */
  other?: FoundFiles;
  /** That B's latents are read with, where each has its own. */
  otherSae?: FoundFiles;
  check?: ResultCheck;
  /** What is being done. */
  busy?: { message: string; fraction?: number };
  /** What went wrong last. */
  failed?: string;
}

export type ResultAction =
  'open' | 'check' | 'text' | 'chooseCheckpoint' | 'chooseSae' | 'chooseOther' | 'chooseOtherSae' | 'cancel';

export const hostToResult = { page: 'result/page' } as const;
export interface HostToResult {
  [hostToResult.page]: ResultPage;
}

export const resultToHost = { ready: 'result/ready', act: 'result/act' } as const;
export interface ResultToHost {
  [resultToHost.ready]: null;
  [resultToHost.act]: ResultAction;
}
