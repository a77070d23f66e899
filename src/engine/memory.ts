import * as l10n from '@vscode/l10n';
import { totalmem } from 'node:os';
import { InputError } from './checkpoint/errors';

/** Refuses patterns that cannot fit, rather than have the operating system end the engine. */
export function checkPatternMemory(n: number, nPatterns: number): void {
  const bytes = 4 * nPatterns * n * n;
  if (bytes <= totalmem() / 2) return;
  const gigabytes = (bytes / 1e9).toFixed(0);
  throw new InputError(
    l10n.t(
      'The patterns of {0} tokens take {1} GB, over half of the memory here: choose a shorter prompt.',
      n,
      gigabytes,
    ),
  );
}
