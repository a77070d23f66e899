/** The frame of a panel with one answer: toolbar, lines, states. The panel gives what is inside. */
import * as l10n from '@vscode/l10n';
import { type ComponentChildren, type JSX, render } from 'preact';
import type { ConceptId } from '../../src/protocol/concepts';
import { reportCode } from '../../src/protocol/reportCode';
import type { ReportMethod } from '../../src/protocol/reportPanel';
import { Concept } from './concept';
import { Button, IconMenu } from './controls';
import type { Report } from './report';
import { FullState, StatusLines } from './status';
import { watchTheme } from './theme';
import { TokenLatents } from './tokenLatents';

export interface ExportItem {
  label: string;
  run: () => void;
}

interface FrameProps<M extends ReportMethod> {
  report: Report<M>;
  /** What the panel shows. */
  concept: ConceptId;
  /** Behind the checkpoint's name; default: the text and its tokens. */
  what?: ComponentChildren;
  /** Controls in the toolbar. */
  controls?: ComponentChildren;
  exports: readonly ExportItem[];
  notices?: readonly string[];
  /** Only called when there is an answer. */
  children: () => ComponentChildren;
}

/** Python that computes the answer, to the clipboard. */
const copyCode = <M extends ReportMethod>({ method, subject, answer, copy }: Report<M>): ExportItem => ({
  label: l10n.t('Copy as TransformerLens Code'),
  run: () => {
    const [about, shown] = [subject.peek(), answer.peek()];
    if (about && shown) copy(reportCode(method, about.checkpoint, shown));
  },
});

const askAgain = <M extends ReportMethod>({ ask, answer }: Report<M>): (() => void) | undefined => {
  const question = answer.value?.question;
  return question && (() => ask(question));
};

export function ReportFrame<M extends ReportMethod>(props: FrameProps<M>): JSX.Element | null {
  const { report, concept, controls, exports, notices, children } = props;
  const now = report.status.value;
  const subject = report.subject.value;
  if (!now) return null;
  const answered = report.answer.value !== undefined;
  if (!subject || now.kind === 'empty' || (!answered && now.kind !== 'ready'))
    return <FullState now={now} command={report.command} begin={subject ? again(report) : undefined} />;
  const { checkpoint, analysis, sourceName } = subject;
  const saved: ExportItem = { label: l10n.t('Save Result…'), run: () => report.command('saveResult') };
  const items = exports.length > 0 ? [...exports, copyCode(report), saved] : exports;
  const what = props.what ?? (analysis ? `${sourceName ?? ''} · ${l10n.t('{0} tokens', analysis.tokens.length)}` : '');
  return (
    <main class="panel report" data-state={now.kind}>
      <div class="screen">
        <header class="toolbar">
          <div class="title">
            <h1 title={checkpoint.path}>{checkpoint.name}</h1>
            <Concept id={concept} />
            <span class="what">{what}</span>
          </div>
          {controls}
          {items.length > 0 ? (
            <IconMenu
              label={l10n.t('Export')}
              icon="export"
              items={items.map(({ label }) => ({ value: label, label }))}
              onPick={(picked) => items.find(({ label }) => label === picked)?.run()}
            />
          ) : null}
        </header>
        <StatusLines now={now} stale={subject.stale} notices={notices} command={report.command} />
        {analysis ? (
          <TokenLatents
            shown={report.tokenLatents.value}
            locked={report.selection.value.latent}
            dispatch={report.dispatch}
            open={() => report.command('showLatents')}
          />
        ) : null}
        {answered ? children() : null}
      </div>
    </main>
  );
}

function again<M extends ReportMethod>(report: Report<M>): ComponentChildren {
  const run = askAgain(report);
  return run ? <Button onClick={run}>{l10n.t('Run Again')}</Button> : undefined;
}

/** Draws the panel into the page. Escape unlocks. */
export function mountReport<M extends ReportMethod>(report: Report<M>, App: () => JSX.Element | null): void {
  watchTheme();
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && !event.defaultPrevented) report.dispatch({ kind: 'unlock' });
  });
  const root = document.createElement('div');
  root.id = 'root';
  document.body.append(root);
  render(<App />, root);
  report.start();
}
