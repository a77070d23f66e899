/** The two heads of the pair in question, or the chosen head: pattern on the current prompt, names, scores. */
import { effect } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { headName, type HeadRef } from '../../src/protocol/checkpoint';
import { scoreLabels } from '../../src/protocol/circuits';
import { paintValues } from '../shared/colour';
import { themeKind } from '../shared/theme';
import { cardScores, fills } from './fill';
import { focusPair, namesOf, patterns, scoreOf, selection, view } from './store';

const SIDE = 84;
/** Cells of a whole number of pixels are worth this much of the side. */
const WHOLE_FROM = 0.65;

function paint(canvas: HTMLCanvasElement, index: number): void {
  const shown = patterns.value;
  if (!shown) return;
  const { size, values } = shown.thumbnails;
  canvas.width = canvas.height = size;
  const image = new ImageData(size, size);
  const own = values.subarray(index * size * size, (index + 1) * size * size);
  paintValues(own, new Uint32Array(image.data.buffer), themeKind.value, 255);
  canvas.getContext('2d')?.putImageData(image, 0, 0);
  const dpr = window.devicePixelRatio;
  const whole = (Math.floor((SIDE * dpr) / size) * size) / dpr;
  canvas.style.width = canvas.style.height = `${whole >= WHOLE_FROM * SIDE ? whole : SIDE}px`;
}

function Thumbnail({ head, chosen }: { head: HeadRef; chosen: boolean }): JSX.Element | null {
  const canvas = useRef<HTMLCanvasElement>(null);
  const shown = patterns.value;
  const nHeads = view.value?.composition.nHeads ?? 0;
  const index = head.layer * nHeads + head.head;
  useEffect(() => {
    const target = canvas.current;
    return target ? effect(() => paint(target, index)) : undefined;
  }, [index, shown === null]);
  if (!shown) return null;
  return (
    <div class={`thumbnail ${chosen ? 'chosen' : ''}`}>
      <canvas ref={canvas} role="img" aria-label={`Attention of ${headName(head)} on ${shown.sourceName}`} />
    </div>
  );
}

/** A true minus; no sign on what rounds to nothing. */
const shownScore = (value: number): string => {
  const size = Math.abs(value).toFixed(2);
  return value < 0 && Number(size) !== 0 ? `−${size}` : size;
};

function Card({ head }: { head: HeadRef }): JSX.Element | null {
  const about = view.value;
  const score = about && scoreOf(about, head);
  if (!score) return null;
  const chosen = headName(selection.value.head) === headName(head);
  return (
    <article class={`head-scores ${patterns.value ? 'with-pattern' : ''}`} data-card={headName(head)}>
      <Thumbnail head={head} chosen={chosen} />
      <div>
        <h3>
          <b class={`mono ${chosen ? 'lock' : ''}`}>{headName(head)}</b>
          {namesOf(about, head).map(({ name }) => (
            <span key={name} class="pill">
              {scoreLabels[name]}
            </span>
          ))}
        </h3>
        {cardScores.map((name) => {
          const value = score[name];
          return (
            <div key={name} class="score-row">
              <span>{fills[name].label}</span>
              <span class="bar">
                <i class={value < 0 ? 'negative' : ''} style={{ width: `${Math.min(1, Math.abs(value)) * 100}%` }} />
              </span>
              <span class="number">{shownScore(value)}</span>
            </div>
          );
        })}
      </div>
    </article>
  );
}

export function Cards(): JSX.Element {
  const pair = focusPair.value;
  const { head, previewHead } = selection.value;
  const shown = pair && !previewHead ? [pair.earlier, pair.later] : [previewHead ?? head];
  return (
    <div class="cards">
      {shown.map((at) => (
        <Card key={headName(at)} head={at} />
      ))}
      {shown.length === 1 ? <p class="none hint">Point at an edge or a cell for the pair; a click locks it.</p> : null}
    </div>
  );
}
