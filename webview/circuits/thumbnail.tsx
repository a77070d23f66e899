/** A head's pattern on the current prompt, each cell a whole number of pixels. */
import * as l10n from '@vscode/l10n';
import { effect } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { headName, type HeadRef } from '../../src/protocol/checkpoint';
import { paintValues } from '../shared/colour';
import { themeKind } from '../shared/theme';
import { patterns, view } from './store';

/** Cells of a whole number of pixels are worth this much of the side. */
const WHOLE_FROM = 0.65;

function paint(canvas: HTMLCanvasElement, index: number, side: number): void {
  const shown = patterns.value;
  if (!shown) return;
  const { size, values } = shown.thumbnails;
  canvas.width = canvas.height = size;
  const image = new ImageData(size, size);
  const own = values.subarray(index * size * size, (index + 1) * size * size);
  paintValues(own, new Uint32Array(image.data.buffer), themeKind.value, 255);
  canvas.getContext('2d')?.putImageData(image, 0, 0);
  const dpr = window.devicePixelRatio;
  const whole = (Math.floor((side * dpr) / size) * size) / dpr;
  canvas.style.width = canvas.style.height = `${whole >= WHOLE_FROM * side ? whole : side}px`;
}

/** `side`: CSS pixels that it may take. */
export function Thumbnail({
  head,
  chosen,
  side,
}: {
  head: HeadRef;
  chosen: boolean;
  side: number;
}): JSX.Element | null {
  const canvas = useRef<HTMLCanvasElement>(null);
  const shown = patterns.value;
  const nHeads = view.value?.composition.nHeads ?? 0;
  const index = head.layer * nHeads + head.head;
  useEffect(() => {
    const target = canvas.current;
    return target ? effect(() => paint(target, index, side)) : undefined;
  }, [index, side, shown === null]);
  if (!shown) return null;
  return (
    <div class={`thumbnail ${chosen ? 'chosen' : ''}`}>
      <canvas
        ref={canvas}
        role="img"
        aria-label={l10n.t('Attention of {0} on {1}', headName(head), shown.sourceName)}
      />
    </div>
  );
}
