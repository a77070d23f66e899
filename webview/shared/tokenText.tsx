/** Token text with visible, quiet white space. Always text nodes, never HTML. */
import type { JSX } from 'preact';
import { visibleParts } from '../../src/protocol/tokens';

export function TokenText({ text }: { text: string }): JSX.Element {
  return <>{visibleParts(text).map((part) => (part.quiet ? <span class="ws">{part.text}</span> : part.text))}</>;
}
