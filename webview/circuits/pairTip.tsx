/** The three scores of the pair under the pointer, each with its baseline and the difference. */
import type { JSX } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { headName, type HeadRef } from '../../src/protocol/checkpoint';
import { compositionKinds } from '../../src/protocol/circuits';
import { scoreAt, signed } from './excess';
import { end, selection, tipAt, view } from './store';

const AWAY = 14;
/** Room right of the largest bar. */
const ROOM = 1.06;
/** Less than this is no difference. */
const NOTHING = 5e-4;

const Name = ({ head }: { head: HeadRef }): JSX.Element => {
  const chosen = headName(selection.value.head) === headName(head);
  return <span class={chosen ? 'lock' : undefined}>{headName(head)}</span>;
};

export function PairTip(): JSX.Element | null {
  const element = useRef<HTMLDivElement>(null);
  const pair = selection.value.previewPair;
  const at = tipAt.value;
  useLayoutEffect(() => {
    const tip = element.current;
    if (!tip || !at) return;
    const { clientWidth, clientHeight } = document.documentElement;
    const right = at.x + AWAY;
    const below = at.y + AWAY;
    const x = right + tip.offsetWidth <= clientWidth - 4 ? right : at.x - AWAY - tip.offsetWidth;
    const y = below + tip.offsetHeight <= clientHeight - 4 ? below : at.y - AWAY - tip.offsetHeight;
    tip.style.left = `${Math.max(4, x)}px`;
    tip.style.top = `${Math.max(4, y)}px`;
  });
  const composition = view.value?.composition;
  if (!pair || !at || !composition) return null;
  const top = (end.value + Math.max(...compositionKinds.map((kind) => composition.baseline[kind]))) * ROOM;
  const share = (value: number): string => `${Math.min(100, (value / top) * 100)}%`;
  return (
    <div class="pair-tip" ref={element} aria-hidden="true">
      <h4>
        <Name head={pair.earlier} /> → <Name head={pair.later} />
      </h4>
      {compositionKinds.map((kind) => {
        const score = scoreAt(composition, { ...pair, kind });
        const baseline = composition.baseline[kind];
        const excess = score - baseline;
        return (
          <div key={kind} class="pair-row" data-kind={kind}>
            <span class={`kind kind-${kind}`}>{kind}</span>
            <span class="bar">
              <i class={`fill-${kind}`} style={{ width: share(score) }} />
              <i class="tick" style={{ left: share(baseline) }} />
            </span>
            <span>{score.toFixed(3)}</span>
            <span class={excess >= NOTHING ? 'above' : 'not-above'}>{signed(excess, 3)}</span>
          </div>
        );
      })}
    </div>
  );
}
