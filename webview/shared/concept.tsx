/** The link beside a heading that opens what the quantity is, in docs/concepts.md. */
import type { JSX } from 'preact';
import { concepts, type ConceptId } from '../../src/protocol/concepts';

const link = (id: ConceptId): string => `command:circuitscope.concepts?${encodeURIComponent(JSON.stringify([id]))}`;

export const Concept = ({ id }: { id: ConceptId }): JSX.Element => (
  <a
    class="concept codicon codicon-question"
    href={link(id)}
    title={`What is it? ${concepts[id]}, in Circuitscope’s concepts`}
    aria-label={`What is it? ${concepts[id]}`}
  />
);
