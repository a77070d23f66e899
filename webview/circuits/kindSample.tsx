/** A piece of a line as a kind is drawn: Q dotted, K solid, V dashed. */
import type { JSX } from 'preact';
import type { CompositionKind } from '../../src/protocol/circuits';

const DASHES: Record<CompositionKind, string | undefined> = { Q: '1.5 4', K: undefined, V: '7 4' };

export const KindSample = ({ kind }: { kind: CompositionKind }): JSX.Element => (
  <svg class="kind-sample" width={18} height={8} aria-hidden="true">
    <path
      d="M1 4H17"
      stroke={`var(--kind-${kind.toLowerCase()})`}
      stroke-width={2}
      stroke-dasharray={DASHES[kind]}
      stroke-linecap={kind === 'Q' ? 'round' : 'butt'}
    />
  </svg>
);
