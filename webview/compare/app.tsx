/** The panel: two checkpoints, A → B, and what differs between them. */
import * as l10n from '@vscode/l10n';
import type { JSX } from 'preact';
import { useRef } from 'preact/hooks';
import type { CheckpointInfo } from '../../src/protocol/checkpoint';
import { type CompareCommand, compareSections, type CompareSection } from '../../src/protocol/comparePanel';
import { tokensText } from '../shared/plurals';
import { Concept } from '../shared/concept';
import { Button, Icon, IconMenu } from '../shared/controls';
import { FullState, StatusLines } from '../shared/status';
import { StepSlider } from '../shared/stepSlider';
import { Composition } from './composition';
import { exportsOf } from './exports';
import { Latents, ReadWith } from './latents';
import { NextTokens } from './nextTokens';
import { Patterns } from './patterns';
import { Scores } from './scores';
import { command, goToStep, results, section, show, status, steps, swap, view, type Waiting, waiting } from './store';

const LABELS: Partial<Record<CompareCommand, string>> = {
  compareCheckpoint: l10n.t('Compare with Checkpoint…'),
  openCheckpoint: l10n.t('Open Checkpoint…'),
  openSae: l10n.t('Open SAE…'),
  analyzeSelection: l10n.t('Analyze Selection'),
};

const Begin = ({ commands }: { commands: readonly CompareCommand[] }): JSX.Element => (
  <>
    {commands.map((name, i) => (
      <Button key={name} secondary={i > 0} onClick={() => command(name)}>
        {LABELS[name] ?? name}
      </Button>
    ))}
  </>
);

const SECTIONS: Record<CompareSection, { label: string; title: string; content: () => JSX.Element }> = {
  patterns: {
    label: l10n.t('Patterns'),
    title: l10n.t('Attention of every head on the analyzed text'),
    content: Patterns,
  },
  scores: {
    label: l10n.t('Head scores'),
    title: l10n.t('Induction, previous token, copying, … of every head'),
    content: Scores,
  },
  composition: {
    label: l10n.t('Composition'),
    title: l10n.t('Which pairs of heads compose more or less'),
    content: Composition,
  },
  latents: {
    label: l10n.t('Latents'),
    title: l10n.t('Latents of the open SAE, and how well it does'),
    content: Latents,
  },
  tokens: {
    label: l10n.t('Next tokens'),
    title: l10n.t('Loss, log-probabilities and KL on the analyzed text'),
    content: NextTokens,
  },
};

function Tabs(): JSX.Element {
  const list = useRef<HTMLDivElement>(null);
  const onKeyDown = (event: KeyboardEvent): void => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    const count = compareSections.length;
    const next = (compareSections.indexOf(section.value) + by + count) % count;
    show(compareSections[next]!);
    (list.current?.children[next] as HTMLElement | undefined)?.focus();
  };
  return (
    <div class="tabs" role="tablist" aria-label={l10n.t('What is compared')} ref={list} onKeyDown={onKeyDown}>
      {compareSections.map((name) => (
        <button
          key={name}
          type="button"
          role="tab"
          id={`tab-${name}`}
          aria-controls="section"
          aria-selected={name === section.value}
          tabIndex={name === section.value ? 0 : -1}
          title={SECTIONS[name].title}
          onClick={() => show(name)}
        >
          {SECTIONS[name].label}
        </button>
      ))}
    </div>
  );
}

const Side = ({ side, of, open }: { side: 'A' | 'B'; of: CheckpointInfo; open: boolean }): JSX.Element => (
  <span class="side" title={`${side}: ${of.path}${open ? ` (${l10n.t('the open checkpoint')})` : ''}`}>
    <b class="side-letter">{side}</b> <span class="side-name">{of.name}</span>
  </span>
);

function Toolbar(): JSX.Element {
  const { a, b, open, prompt } = view.value!;
  const items = exportsOf(section.value);
  return (
    <header class="toolbar">
      <div class="title">
        <h1 class="sides">
          <Side side="A" of={a} open={open === 'a'} /> <span class="arrow">→</span>{' '}
          <Side side="B" of={b} open={open === 'b'} />
        </h1>
        <Concept id="difference-of-two-checkpoints" />
        <span class="what">{prompt ? `${prompt.name} · ${tokensText(prompt.tokens.length)}` : ''}</span>
      </div>
      <button
        type="button"
        class="icon-button"
        aria-label={l10n.t('Swap A and B')}
        title={l10n.t('Swap A and B')}
        onClick={swap}
      >
        <Icon name="arrow-swap" />
      </button>
      <button type="button" class="link long-name" onClick={() => command('compareCheckpoint')}>
        {l10n.t('Compare with another…')}
      </button>
      <button
        type="button"
        class="icon-button short-name"
        aria-label={l10n.t('Compare with another…')}
        title={l10n.t('Compare with another…')}
        onClick={() => command('compareCheckpoint')}
      >
        <Icon name="compare-changes" />
      </button>
      {items.length > 0 ? (
        <IconMenu
          label={l10n.t('Export')}
          icon="export"
          items={items.map(({ label }) => ({ value: label, label }))}
          onPick={(picked) => items.find(({ label }) => label === picked)?.run()}
        />
      ) : null}
    </header>
  );
}

/** A section that has nothing to show, or not yet. */
function Wait({ now }: { now: Waiting | undefined }): JSX.Element {
  if (now?.kind === 'empty')
    return (
      <div class="section-state" data-section-state="empty">
        <p>{now.message}</p>
        <div class="buttons">
          <Begin commands={now.commands} />
        </div>
      </div>
    );
  if (now?.kind === 'error')
    return (
      <div class="section-state" data-section-state="error">
        <p role="alert">
          <Icon name="error" /> {now.message}
        </p>
        <div class="buttons">
          <Button onClick={() => show(section.peek())}>{l10n.t('Try Again')}</Button>
          <Button secondary onClick={() => command('showLog')}>
            {l10n.t('Show Log')}
          </Button>
        </div>
      </div>
    );
  return (
    <div class="section-state" data-section-state="busy">
      <p role="status">{now?.message ?? l10n.t('Comparing…')}</p>
    </div>
  );
}

function notices(): string[] {
  const shown = results.value[section.value];
  const own = shown && 'notices' in shown ? shown.notices : [];
  return [...view.value!.notices, ...own];
}

export function App(): JSX.Element | null {
  const now = status.value;
  if (!now) return null;
  if (!view.value || now.kind === 'empty') {
    const begin = now.kind === 'empty' ? <Begin commands={now.commands} /> : undefined;
    return <FullState now={now} command={command} begin={begin} />;
  }
  const name = section.value;
  const wait = waiting.value[name];
  const Content = results.value[name] ? SECTIONS[name].content : undefined;
  const busy = wait?.kind === 'busy' ? wait : undefined;
  return (
    <main class="panel report compare" data-section={name} data-state={wait?.kind ?? (Content ? 'ready' : 'busy')}>
      <div class="screen">
        <Toolbar />
        {steps.value ? <StepSlider view={steps.value} go={goToStep} /> : null}
        <Tabs />
        <StatusLines
          now={busy ?? now}
          stale={view.value.prompt?.stale ?? false}
          notices={notices()}
          command={command}
        />
        <div
          id="section"
          class={`section ${busy ? 'late' : ''}`}
          role="tabpanel"
          aria-labelledby={`tab-${name}`}
          aria-busy={busy !== undefined}
        >
          {name === 'latents' ? <ReadWith /> : null}
          {Content && (!wait || busy) ? <Content /> : <Wait now={wait} />}
        </div>
      </div>
    </main>
  );
}
