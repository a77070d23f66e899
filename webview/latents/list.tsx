/** The latents of the locked token, else of the text. Only the rows in view are in the page. */
import * as l10n from '@vscode/l10n';
import { computed, effect, signal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { Icon } from '../shared/controls';
import { fixed, signed } from '../shared/numbers';
import { TokenText } from '../shared/tokenText';
import { tokensOf } from './entries';
import type { Row, Sort } from './rows';
import { rows, search, sortNow } from './state';
import { chosen, dispatch, encoding, entries, names, previewed, selection, tokens } from './store';
import { ValueHeading } from './valueHeading';

const ROW = 24;
/** Rows beyond the view that are in the page, so that scrolling shows no gap. */
const SPARE = 6;
const TOKENS_SHOWN = 5;
/** Height of the highest bar of a sparkline, and width of all. */
const SPARK = { height: 16, width: 41 };

const scroll = signal({ top: 0, height: 0 });
/** Row that the keyboard is on. */
const activeLatent = signal<number | undefined>(undefined);
const activeIndex = computed(() => {
  const wanted = activeLatent.value ?? chosen.value;
  const at = rows.value.findIndex(({ latent }) => latent === wanted);
  return Math.max(0, at);
});

/** What the last column says of a row, and its heading's explanation. */
const VALUES: Record<Sort, { text: (row: Row) => string; title: string }> = {
  activation: { text: ({ value }) => fixed(value), title: l10n.t('Largest activation of any layer') },
  layerMean: { text: ({ layerMean }) => fixed(layerMean), title: l10n.t('Mean of the layer, weighted by activation') },
  surprise: {
    text: (row) => (row.surprise === Infinity ? l10n.t('new') : signed(row.surprise, 1)),
    title: l10n.t('Bits by which it is more active here than in the corpus; new: it is not active there'),
  },
};

/** Different texts of the strongest tokens of a latent, found once. */
const strongest = computed(() => {
  const [e, sorted, all] = [encoding.value, entries.value, tokens.value];
  const known = new Map<number, string[]>();
  return (latent: number): string[] => {
    if (!e || !sorted) return [];
    let texts = known.get(latent);
    if (!texts) {
      const strings = tokensOf(e, sorted, latent).map(({ token }) => all[token]?.text ?? '');
      known.set(latent, (texts = [...new Set(strings)].slice(0, TOKENS_SHOWN)));
    }
    return texts;
  };
});

function Spark({ byLayer }: { byLayer: ArrayLike<number> }): JSX.Element {
  const values = Array.from(byLayer);
  const most = Math.max(...values, Number.MIN_VALUE);
  const gap = values.length <= 10 ? 1 : 0;
  const width = Math.max(1, Math.floor((SPARK.width + gap) / values.length) - gap);
  return (
    <span class="spark" style={{ gap: `${gap}px` }} aria-hidden="true">
      {values.map((value, i) => (
        <i
          key={i}
          class={value / most < 0.005 ? 'zero' : undefined}
          style={{ width: `${width}px`, height: `${Math.max(1, Math.round((value / most) * SPARK.height))}px` }}
        />
      ))}
    </span>
  );
}

const nameOf = (latent: number): string | undefined => names.value[latent]?.name || undefined;

function sayValues(row: Row): string {
  const inactive = row.byLayer.length === 0 || Number.isNaN(row.layerMean);
  const value = inactive
    ? l10n.t('not active in this text')
    : l10n.t('{0}, layer mean {1}', fixed(row.value), fixed(row.layerMean));
  const bits = Number.isNaN(row.surprise) ? '' : l10n.t(', surprise {0}', VALUES.surprise.text(row));
  return `${value}${bits}`;
}

/** A row as one says it. */
export function sayRow(row: Row): string {
  const name = nameOf(row.latent);
  const latent = l10n.t('latent {0}', row.latent);
  return `${latent}${name ? `, ${name}` : ''}: ${sayValues(row)}`;
}

interface RowProps {
  row: Row;
  index: number;
  count: number;
  locked: boolean;
  hovered: boolean;
  active: boolean;
}

/** What a hover changes comes as properties, so that only the rows that change are drawn anew. */
function RowView({ row, index, count, locked: isLocked, hovered, active }: RowProps): JSX.Element {
  const { latent } = row;
  const name = nameOf(latent);
  const value = VALUES[sortNow.value].text(row);
  const texts = Number.isNaN(row.layerMean) ? [] : strongest.value(latent);
  const classes = ['latent-row', isLocked && 'locked', hovered && 'hover', active && 'active'];
  return (
    <div
      id={`latent-${latent}`}
      class={classes.filter(Boolean).join(' ')}
      role="option"
      aria-selected={isLocked}
      aria-setsize={count}
      aria-posinset={index + 1}
      title={name ? `#${latent} ${name}` : undefined}
      data-latent={latent}
      style={{ top: `${index * ROW}px` }}
    >
      <span class="latent-id">#{latent}</span>{' '}
      <span class="latent-what">
        {name ? <b>{name}</b> : null}
        {Number.isNaN(row.layerMean)
          ? l10n.t('not active here')
          : texts.map((text, i) => (
              <span key={i}>
                <TokenText text={text} />{' '}
              </span>
            ))}
      </span>{' '}
      <Spark byLayer={row.byLayer} />
      <span class="sr-only">; {sayValues(row)}; </span>
      <span class="latent-value">{value}</span>
    </div>
  );
}

function Search(): JSX.Element {
  return (
    <label class="latent-search">
      <Icon name="search" />
      <input
        type="search"
        aria-label={l10n.t('Find a latent by its number or name')}
        placeholder={l10n.t('latent')}
        title={l10n.t('Number or name')}
        spellcheck={false}
        value={search.value}
        onInput={(event) => (search.value = event.currentTarget.value)}
        onKeyDown={(event) => {
          const [first] = rows.value;
          if (event.key === 'Escape' && search.value !== '') {
            search.value = '';
            event.stopPropagation();
          } else if (event.key === 'Enter' && first) choose(first.latent);
        }}
      />
    </label>
  );
}

/** Again on the locked one lets it go, whichever layer it is locked at. */
function choose(latent: number): void {
  const { latent: now, layer } = selection.peek();
  activeLatent.value = latent;
  dispatch(latent === now ? { kind: 'chooseLatent', latent, layer } : { kind: 'chooseLatent', latent });
}

const latentOf = (event: Event): number | undefined => {
  const row = (event.target as Element).closest<HTMLElement>('[data-latent]');
  return row ? Number(row.dataset['latent']) : undefined;
};

function onKeyDown(event: KeyboardEvent): void {
  const { value: all } = rows;
  const page = Math.max(1, Math.floor(scroll.peek().height / ROW) - 1);
  const now = activeIndex.value;
  const to = {
    ArrowDown: now + (activeLatent.value === undefined && chosen.value === undefined ? 0 : 1),
    ArrowUp: now - 1,
    PageDown: now + page,
    PageUp: now - page,
    Home: 0,
    End: all.length - 1,
  }[event.key];
  if (to !== undefined && all.length > 0) {
    const { latent } = all[Math.max(0, Math.min(all.length - 1, to))]!;
    activeLatent.value = latent;
    dispatch({ kind: 'hoverLatent', latent });
  } else if ((event.key === 'Enter' || event.key === ' ') && all[now]) choose(all[now].latent);
  else return;
  event.preventDefault();
}

/** Keeps a row in view. */
function reveal(box: HTMLElement, index: number): void {
  const top = index * ROW;
  if (top < box.scrollTop) box.scrollTop = top;
  else if (top + ROW > box.scrollTop + box.clientHeight) box.scrollTop = top + ROW - box.clientHeight;
}

export function LatentList(): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const all = rows.value;
  const { top: scrolled, height: seen } = scroll.value;
  const from = Math.max(0, Math.floor(scrolled / ROW) - SPARE);
  const shown = all.slice(from, Math.ceil((scrolled + seen) / ROW) + SPARE);
  const measure = (): void => {
    // the list may be gone when the last event about it comes
    const { scrollTop: top = 0, clientHeight: height = 0 } = box.current ?? {};
    scroll.value = { top, height };
  };
  useEffect(() => {
    const observer = new ResizeObserver(measure);
    observer.observe(box.current!);
    return () => observer.disconnect();
  }, []);
  useEffect(() => effect(() => reveal(box.current!, activeIndex.value)), []);
  // a latent that is locked elsewhere takes the keyboard's place
  useEffect(() => void (activeLatent.value = chosen.value), [chosen.value]);
  const active = all[activeIndex.value];
  return (
    <section class="latent-list" aria-label={l10n.t('Latents')}>
      <div class="latent-head">
        <Search />
        <span class="latent-layers">{l10n.t('layers')}</span>
        <ValueHeading title={VALUES[sortNow.value].title} />
      </div>
      <div
        class="latent-rows"
        ref={box}
        role="listbox"
        aria-label={l10n.t('{0} latents. Arrow keys move, Enter locks, Escape unlocks.', all.length)}
        aria-activedescendant={active && `latent-${active.latent}`}
        tabIndex={0}
        data-rows={all.length}
        onScroll={measure}
        onKeyDown={onKeyDown}
        onBlur={() => dispatch({ kind: 'leave' })}
        onPointerOver={(event) => {
          const latent = latentOf(event);
          if (latent !== undefined) dispatch({ kind: 'hoverLatent', latent });
        }}
        onPointerLeave={() => dispatch({ kind: 'leave' })}
        onClick={(event) => {
          const latent = latentOf(event);
          if (latent !== undefined) choose(latent);
        }}
      >
        <div class="latent-space" style={{ height: `${all.length * ROW}px` }}>
          {shown.map((row, i) => (
            <RowView
              key={row.latent}
              row={row}
              index={from + i}
              count={all.length}
              locked={row.latent === chosen.value}
              hovered={row.latent === previewed.value}
              active={from + i === activeIndex.value}
            />
          ))}
        </div>
        {all.length === 0 ? <p class="none">{nothing()}</p> : null}
      </div>
    </section>
  );
}

const nothing = (): string =>
  search.value === ''
    ? l10n.t('No latent is active here.')
    : l10n.t(
        'No latent is called {0}, and the autoencoder has {1} of them.',
        search.value,
        encoding.value?.nLatents ?? 0,
      );
