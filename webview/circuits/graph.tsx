/** Heads as nodes by layer, composition as edges: a canvas, and over it an element for every node. */
import * as l10n from '@vscode/l10n';
import { computed, effect, signal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { headName, type HeadRef } from '../../src/protocol/checkpoint';
import type { NamedScore } from '../../src/protocol/circuits';
import { cssColour } from '../shared/colour';
import { colours, themeKind } from '../shared/theme';
import { edgesFrom, pairOf, signed } from './excess';
import { fillColour } from './fill';
import { useGraphKeys } from './graphKeys';
import { edgeAt, edgeWidth, type GraphLayout, layoutEdges, layoutGraph, nodeAt } from './graphLayout';
import { drawGraph, type GraphPicture } from './graphPaint';
import { dispatch, end, fill, hoverPair, kinds, namesOf, pairs, scoreOf, selection, threshold, view } from './store';
import { scoreLabels } from '../shared/scoreLabels';

/** Edges that are drawn at most. */
const MOST_EDGES = 300;

/** Names where there is no room for whole ones. */
const SHORT: Record<NamedScore, string> = {
  previousToken: l10n.t('prev'),
  duplicateToken: l10n.t('dup'),
  induction: l10n.t('ind'),
  firstToken: l10n.t('first'),
  ovCopying: l10n.t('copy'),
};

const width = signal(0);
const layout = computed<GraphLayout | undefined>(() => {
  const about = view.value;
  if (!about || width.value === 0) return undefined;
  return layoutGraph(width.value, about.composition.nLayers, about.composition.nHeads);
});
const edges = computed(() => edgesFrom(pairs.value, kinds.value, threshold.value, MOST_EDGES));
const curves = computed(() => (layout.value ? layoutEdges(layout.value, edges.value.edges, end.value) : []));

/** All that is drawn; undefined while there is nothing. */
export const picture = computed<GraphPicture | undefined>(() => {
  const about = view.value;
  if (!layout.value || !about) return undefined;
  const [by, theme] = [fill.value, themeKind.value];
  const fillOf = (head: HeadRef): string => {
    const score = scoreOf(about, head);
    return score ? cssColour(fillColour(by, score, theme)) : 'transparent';
  };
  return { layout: layout.value, curves: curves.value, fillOf, colours: colours.value, selection: selection.value };
});

function paint(canvas: HTMLCanvasElement): void {
  const shown = picture.value;
  const context = canvas.getContext('2d');
  if (!shown || !context) return;
  const dpr = window.devicePixelRatio;
  const [w, h] = [Math.round(shown.layout.width * dpr), Math.round(shown.layout.height * dpr)];
  if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
  context.setTransform(dpr, 0, 0, dpr, 0, 0);
  context.clearRect(0, 0, shown.layout.width, shown.layout.height);
  drawGraph(context, shown);
  Object.assign(canvas.dataset, { edges: shown.curves.length, radius: shown.layout.radius });
}

interface NodeProps {
  head: HeadRef;
  place: GraphLayout;
  chosen: boolean;
  hot: boolean;
}

function Node({ head, place, chosen, hot }: NodeProps): JSX.Element {
  const { x, y } = nodeAt(place, head);
  const name = headName(head);
  const names = view.value ? namesOf(view.value, head) : [];
  const [first] = names;
  const inner = head.layer > 0 && head.layer < place.nLayers - 1;
  const edge = head.layer === 0 ? 'below' : inner ? 'above inner' : 'above';
  const scores = names.map((n) => `${scoreLabels[n.name]} ${n.score.toFixed(2)}`).join(', ');
  const labelled = place.names !== 'none' && (!inner || chosen || hot);
  const shown = labelled ? (place.names === 'full' ? name : `H${head.head}`) : '';
  const pill = first && place.pills !== 'none' ? (place.pills === 'full' ? scoreLabels : SHORT)[first.name] : '';
  // what is seen is part of what is said
  const said = scores === '' ? name : `${name}, ${scores}`;
  const seen = `${shown} ${pill}`.trim();
  return (
    <div
      role="gridcell"
      id={`node-${name}`}
      class={`node ${edge} ${chosen ? 'chosen' : ''} ${hot ? 'hot' : ''} ${first ? 'named' : ''}`}
      aria-label={`${said.replace(',', '')} `.startsWith(`${seen} `) || !seen ? said : `${seen}: ${said}`}
      aria-selected={chosen}
      data-node={name}
      style={{
        left: `${x - place.radius}px`,
        top: `${y - place.radius}px`,
        width: `${2 * place.radius}px`,
        height: `${2 * place.radius}px`,
      }}
      onPointerEnter={() => dispatch({ kind: 'hoverHead', head })}
      onPointerLeave={() => dispatch({ kind: 'leave' })}
      onClick={() => dispatch({ kind: 'chooseHead', head })}
    >
      {shown ? <span class="node-name">{shown}</span> : null}{' '}
      {pill ? (
        <span class="pill" title={scores}>
          {pill}
        </span>
      ) : null}
    </div>
  );
}

function Nodes({ place }: { place: GraphLayout }): JSX.Element {
  const { head: chosen, previewHead, previewPair, pair } = selection.value;
  const about = previewPair ?? pair;
  const hot = [previewHead, about?.earlier, about?.later].flatMap((head) => (head ? [headName(head)] : []));
  return (
    <>
      {Array.from({ length: place.nLayers }, (_, layer) => (
        <div key={layer} role="row">
          {Array.from({ length: place.nHeads }, (_, head) => {
            const name = headName({ layer, head });
            return (
              <Node
                key={head}
                head={{ layer, head }}
                place={place}
                chosen={headName(chosen) === name}
                hot={hot.includes(name)}
              />
            );
          })}
        </div>
      ))}
    </>
  );
}

/** Three widths and what they mean; how many edges there are if not all are drawn. */
function WidthKey({ place }: { place: GraphLayout }): JSX.Element {
  const step = 10 ** Math.floor(Math.log10(end.value / 5));
  const marks = [0.19, 0.56, 0.93].map((share) => Math.max(step, Math.round((share * end.value) / step) * step));
  const { edges: drawn, total } = edges.value;
  return (
    <div class={`width-key ${place.nLayers > 2 ? 'beneath' : ''}`}>
      {marks.map((mark) => (
        <span key={mark}>
          <i style={{ height: `${edgeWidth(place, mark, end.value)}px` }} />
          {signed(mark, Math.max(2, -Math.floor(Math.log10(step)))).replace('+0', '+')}
        </span>
      ))}
      {drawn.length < total ? (
        <span class="cut">{l10n.t('the {0} strongest of {1}', drawn.length, total.toLocaleString('en-US'))}</span>
      ) : null}
    </div>
  );
}

export function Graph(): JSX.Element {
  const band = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const place = layout.value;
  const { active, onKeyDown, onBlur } = useGraphKeys(
    place,
    () => curves.peek(),
    () => canvas.current!.getBoundingClientRect(),
  );
  useEffect(() => {
    const observer = new ResizeObserver(() => (width.value = band.current?.clientWidth ?? 0));
    observer.observe(band.current!);
    return () => observer.disconnect();
  }, []);
  useEffect(() => effect(() => paint(canvas.current!)), []);
  const at = (event: { clientX: number; clientY: number }): { x: number; y: number } => {
    const origin = canvas.current!.getBoundingClientRect();
    return { x: event.clientX - origin.left, y: event.clientY - origin.top };
  };
  const onPointerMove = (event: PointerEvent): void => {
    const found = edgeAt(curves.peek(), at(event));
    if (!found) dispatch({ kind: 'leave' });
    else hoverPair(found.edge, { x: event.clientX, y: event.clientY });
  };
  const onClick = (event: MouseEvent): void => {
    const found = edgeAt(curves.peek(), at(event));
    if (found) dispatch({ kind: 'lockPair', pair: pairOf(found.edge) });
  };
  return (
    <div class="graph-band">
      <div class="graph-scroll" ref={band}>
        <div
          class="graph"
          role="grid"
          aria-label={l10n.t(
            'Heads by layer, composition between them. Arrow keys move over the heads, the square brackets over a head’s edges; Enter chooses.',
          )}
          aria-activedescendant={`node-${headName(active)}`}
          tabIndex={0}
          style={{ width: place ? `${place.width}px` : '', height: place ? `${place.height}px` : '' }}
          onKeyDown={onKeyDown}
          onBlur={onBlur}
        >
          <canvas
            ref={canvas}
            class="graph-canvas"
            aria-hidden="true"
            onPointerMove={onPointerMove}
            onPointerLeave={() => dispatch({ kind: 'leave' })}
            onClick={onClick}
          />
          {place ? <Nodes place={place} /> : null}
          {place ? <i class="node-focus" style={focusBox(place, active)} /> : null}
        </div>
      </div>
      {pairs.value.length === 0 ? <p class="none no-pairs">{l10n.t('One layer: no head reads another.')}</p> : null}
      {pairs.value.length > 0 && place ? <WidthKey place={place} /> : null}
    </div>
  );
}

function focusBox(place: GraphLayout, head: HeadRef): Record<string, string> {
  const { x, y } = nodeAt(place, head);
  const radius = place.radius + 5;
  return { left: `${x - radius}px`, top: `${y - radius}px`, width: `${2 * radius}px`, height: `${2 * radius}px` };
}
