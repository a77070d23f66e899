/** States without a picture, and lines above the picture; the same in every panel. */
import * as l10n from '@vscode/l10n';
import type { ComponentChildren, JSX } from 'preact';
import type { PanelCommand, PanelStatus } from '../../src/protocol/attentionPanel';
import { Button, Icon, ProgressRing } from './controls';

type Busy = Extract<PanelStatus, { kind: 'busy' }>;

function Progress({ fraction }: Pick<Busy, 'fraction'>): JSX.Element {
  const known = fraction !== undefined;
  return (
    <div
      class={`progress ${known ? '' : 'unknown'}`}
      role="progressbar"
      aria-label={l10n.t('Progress')}
      aria-valuenow={known ? Math.round(fraction * 100) : undefined}
    >
      <i style={{ width: known ? `${fraction * 100}%` : undefined }} />
    </div>
  );
}

const Begin = ({ command }: { command: RunCommand }): JSX.Element => (
  <>
    <Button onClick={() => command('analyzeSelection')}>{l10n.t('Analyze Selection')}</Button>
    <Button secondary onClick={() => command('openSample')}>
      {l10n.t('Open Sample')}
    </Button>
  </>
);

export type RunCommand = (name: PanelCommand) => void;

interface FullProps {
  now: PanelStatus;
  command: RunCommand;
  /** Offered where there is nothing yet; default: analyze the selection, open a sample. */
  begin?: ComponentChildren;
}

/** The panel's name, where nothing else says it. */
export const Heading = (): JSX.Element => <h1 class="sr-only">{document.title}</h1>;

/** The whole panel, when there is no picture to show. */
export function FullState({ now, command, begin }: FullProps): JSX.Element | null {
  switch (now.kind) {
    case 'empty':
      return (
        <main class="full" data-state="empty">
          <Heading />
          <p>{now.message}</p>
          <div class="buttons">{begin ?? <Begin command={command} />}</div>
        </main>
      );
    case 'busy':
      return (
        <main class="full" data-state="busy" aria-busy="true">
          <Heading />
          <ProgressRing />
          <p role="status">{now.message}</p>
          <Progress fraction={now.fraction} />
          <Button secondary onClick={() => command('cancel')}>
            {l10n.t('Cancel')}
          </Button>
        </main>
      );
    case 'error':
      return (
        <main class="full" data-state="error">
          <Heading />
          <Icon name="error" />
          <p role="alert">{now.message}</p>
          <Button secondary onClick={() => command('showLog')}>
            {l10n.t('Show Log')}
          </Button>
        </main>
      );
    case 'ready':
      return null;
  }
}

interface LineProps {
  icon: string;
  kind: string;
  role?: 'status' | 'alert';
  action?: { label: string; run: () => void };
  children: ComponentChildren;
}

const Line = ({ icon, kind, role = 'status', action, children }: LineProps): JSX.Element => (
  <div class={`line ${kind}`} role={role}>
    <Icon name={icon} />
    <span class="line-text">{children}</span>
    {action ? (
      <button type="button" class="link" onClick={action.run}>
        {action.label}
      </button>
    ) : null}
  </div>
);

interface LinesProps {
  now: PanelStatus | undefined;
  stale: boolean | undefined;
  notices: readonly string[] | undefined;
  command: RunCommand;
}

/** Above the picture: what runs, what failed, what is out of date, what was cut. */
export function StatusLines({ now, stale, notices, command }: LinesProps): JSX.Element {
  const showLog = { label: l10n.t('Show Log'), run: () => command('showLog') };
  return (
    <>
      {now?.kind === 'busy' ? (
        <>
          <Line icon="loading" kind="busy" action={{ label: l10n.t('Cancel'), run: () => command('cancel') }}>
            {now.message}
          </Line>
          <Progress fraction={now.fraction} />
        </>
      ) : null}
      {now?.kind === 'error' ? (
        <Line icon="error" kind="error" role="alert" action={showLog}>
          {now.message}
        </Line>
      ) : null}
      {stale ? (
        <Line icon="history" kind="stale" action={{ label: l10n.t('Run again'), run: () => command('rerun') }}>
          {l10n.t('The text has changed since this analysis.')}
        </Line>
      ) : null}
      {notices?.map((notice) => (
        <Line key={notice} icon="info" kind="notice">
          {notice}
        </Line>
      ))}
    </>
  );
}
