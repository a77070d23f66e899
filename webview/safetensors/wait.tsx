/** What is being read, with a way to stop it; and what could not be read. */
import * as l10n from '@vscode/l10n';
import type { JSX } from 'preact';
import type { Answer } from '../../src/protocol/safetensorsEditor';
import { Icon } from '../shared/controls';

interface WaitProps {
  answer: Answer<unknown> | undefined;
  /** What is read, for screen readers. */
  what: string;
  cancel: () => void;
  again: () => void;
}

export function Wait({ answer, what, cancel, again }: WaitProps): JSX.Element | null {
  if (!answer || answer.kind === 'ready') return null;
  if (answer.kind === 'error') {
    return (
      <p class="failed" role="alert">
        <Icon name="error" /> {answer.message}
      </p>
    );
  }
  if (answer.kind === 'cancelled') {
    return (
      <p class="none" role="status">
        {l10n.t('Cancelled.')}{' '}
        <button type="button" class="link" onClick={again}>
          {l10n.t('Read again')}
        </button>
      </p>
    );
  }
  const { message, fraction } = answer;
  return (
    <div class="wait">
      <div
        class={`progress ${fraction === undefined ? 'unknown' : ''}`}
        role="progressbar"
        aria-label={what}
        aria-valuenow={fraction === undefined ? undefined : Math.round(100 * fraction)}
      >
        <i style={{ width: fraction === undefined ? undefined : `${100 * fraction}%` }} />
      </div>
      <p class="none">
        {message}…{' '}
        <button type="button" class="link" onClick={cancel}>
          {l10n.t('Cancel')}
        </button>
      </p>
    </div>
  );
}
