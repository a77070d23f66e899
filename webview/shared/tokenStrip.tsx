/**
 * The prompt as tokens. The tokens are rendered once; tints, rings and underlines are set on the elements that change,
 * so that a hover over a long prompt stays within a frame.
 */
import * as l10n from '@vscode/l10n';
import { effect, type ReadonlySignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Token } from '../../src/protocol/analysis';
import type { Selection, SelectionEvent } from '../../src/protocol/selection';
import { tintAlpha, visibleText } from '../../src/protocol/tokens';
import { isDark } from './colour';
import { themeKind } from './theme';
import { TokenText } from './tokenText';

interface Look {
  alpha: string;
  weight: string;
  classes: string;
}
const PLAIN: Look = { alpha: '', weight: '', classes: '' };

/** How each token looks now. Weights are −1 to 1; what is negative has the other colour. */
function looks(all: readonly Token[], { locked, preview, side }: Selection, weights?: ArrayLike<number>): Look[] {
  const sameText = all[locked[side] ?? -1]?.text;
  const dark = isDark(themeKind.value);
  return all.map(({ text }, i) => {
    const signed = weights?.[i] ?? 0;
    const weight = Math.abs(signed);
    const alpha = tintAlpha(weight, dark);
    const isLocked = i === locked.destination || i === locked.source;
    const isHovered = i === preview.destination || i === preview.source;
    if (alpha === 0 && !isLocked && !isHovered && text !== sameText) return PLAIN;
    const tint = alpha > 0 && (signed < 0 ? 'tinted negative' : 'tinted');
    const classes = [tint, isHovered && 'hover', isLocked ? 'locked' : text === sameText && 'same'];
    return {
      alpha: alpha > 0 ? alpha.toFixed(3) : '',
      weight: alpha > 0 ? weight.toFixed(3) : '',
      classes: classes.filter(Boolean).join(' '),
    };
  });
}

function paint(elements: HTMLElement[], now: Look[], before: Look[]): void {
  now.forEach((look, i) => {
    const element = elements[i];
    const old = before[i] ?? PLAIN;
    if (!element) return;
    if (look.alpha !== old.alpha) {
      element.style.setProperty('--alpha', look.alpha);
      element.style.setProperty('--weight', look.weight);
    }
    if (look.classes !== old.classes) {
      element.className = `token ${look.classes}`;
      element.setAttribute('aria-selected', String(look.classes.includes('locked')));
    }
  });
}

/** The token in the line above or below that is nearest. */
function tokenInNextLine(elements: HTMLElement[], from: number, by: 1 | -1): number {
  const start = elements[from];
  let best = from;
  let bestGap = Infinity;
  let line: number | undefined;
  for (let i = from + by; start && i >= 0 && i < elements.length; i += by) {
    const { offsetTop, offsetLeft } = elements[i]!;
    if (offsetTop === start.offsetTop) continue;
    line ??= offsetTop;
    if (offsetTop !== line) break;
    const gap = Math.abs(offsetLeft - start.offsetLeft);
    if (gap < bestGap) [best, bestGap] = [i, gap];
  }
  return best;
}

function nextToken(key: string, elements: HTMLElement[], from: number): number | undefined {
  const last = elements.length - 1;
  const to = {
    ArrowLeft: from - 1,
    ArrowRight: from + 1,
    Home: 0,
    End: last,
    ArrowUp: tokenInNextLine(elements, from, -1),
    ArrowDown: tokenInNextLine(elements, from, 1),
  }[key];
  return to === undefined ? undefined : Math.max(0, Math.min(last, to));
}

const tokenOf = (event: Event): number | undefined => {
  const element = (event.target as Element).closest<HTMLElement>('[data-token]');
  return element ? Number(element.dataset.token) : undefined;
};

export interface StripProps {
  tokens: readonly Token[];
  selection: ReadonlySignal<Selection>;
  /** Of each token, −1 to 1; read inside an effect. */
  weights: () => ArrayLike<number> | undefined;
  dispatch: (event: SelectionEvent) => void;
}

export function TokenStrip({ tokens: all, selection, weights, dispatch }: StripProps): JSX.Element {
  const list = useRef<HTMLDivElement>(null);
  const [active, setActive] = useState(0);
  const elements = (): HTMLElement[] => [...(list.current?.children ?? [])] as HTMLElement[];
  const rendered = useMemo(
    () =>
      all.map((token, i) => (
        <span
          key={i}
          id={`token-${i}`}
          class="token"
          role="option"
          aria-selected="false"
          aria-label={`${i}: ${visibleText(token.text)}`}
          data-token={i}
        >
          <TokenText text={token.text} />
        </span>
      )),
    [all],
  );
  useEffect(() => {
    setActive(0);
    const spans = elements();
    let before: Look[] = [];
    return effect(() => {
      const now = looks(all, selection.value, weights());
      paint(spans, now, before);
      before = now;
    });
  }, [all]);
  useEffect(
    () =>
      effect(() => {
        const { locked, side } = selection.value;
        list.current?.children[locked[side] ?? -1]?.scrollIntoView({ block: 'nearest' });
      }),
    [],
  );
  useEffect(() => {
    const element = elements()[active];
    element?.setAttribute('data-active', '');
    return () => element?.removeAttribute('data-active');
  }, [all, active]);
  const onKeyDown = (event: KeyboardEvent): void => {
    const next = nextToken(event.key, elements(), active);
    if (next !== undefined) {
      setActive(next);
      dispatch({ kind: 'hoverToken', token: next });
      list.current?.children[next]?.scrollIntoView({ block: 'nearest' });
    } else if (event.key === 'Enter' || event.key === ' ') dispatch({ kind: 'lockToken', token: active });
    else return;
    event.preventDefault();
  };
  return (
    <div
      class="strip"
      ref={list}
      role="listbox"
      aria-label={l10n.t('Prompt, token by token. Arrow keys move, Enter locks.')}
      aria-activedescendant={`token-${active}`}
      tabIndex={0}
      onKeyDown={onKeyDown}
      onFocus={(event) => {
        if (event.currentTarget.matches(':focus-visible')) dispatch({ kind: 'hoverToken', token: active });
      }}
      onBlur={() => dispatch({ kind: 'leave' })}
      onPointerOver={(event) => {
        const token = tokenOf(event);
        if (token !== undefined) dispatch({ kind: 'hoverToken', token });
      }}
      onPointerLeave={() => dispatch({ kind: 'leave' })}
      onClick={(event) => {
        const token = tokenOf(event);
        if (token === undefined) return;
        setActive(token);
        dispatch({ kind: 'lockToken', token });
      }}
    >
      {rendered}
    </div>
  );
}
