/** The link beside a heading that opens what the quantity is, in docs/concepts.md. */
import * as l10n from '@vscode/l10n';
import type { JSX } from 'preact';
import { concepts, type ConceptId } from '../../src/protocol/concepts';

const link = (id: ConceptId): string => `command:circuitscope.concepts?${encodeURIComponent(JSON.stringify([id]))}`;

export const Concept = ({ id }: { id: ConceptId }): JSX.Element => (
  <a
    class="concept codicon codicon-question"
    href={link(id)}
    title={l10n.t('What is it? {0}, in Circuitscope’s concepts', concepts[id])}
    aria-label={l10n.t('What is it? {0}', concepts[id])}
  />
);
