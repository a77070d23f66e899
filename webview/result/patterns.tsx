/** Patterns that were read from another tool's file: one head at a time, with the tokens. */
import * as l10n from '@vscode/l10n';
import type { JSX } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { ResultFile } from '../../src/protocol/resultFile';
import { patternValues, type SavedPattern } from '../../src/protocol/savedPatterns';
import { drawPattern } from '../notebook/pattern';
import { Concept } from '../shared/concept';
import { Icon } from '../shared/controls';

function Picture({ pattern, tokens }: { pattern: SavedPattern; tokens: string[] }): JSX.Element {
  const place = useRef<HTMLDivElement>(null);
  const values = useMemo(() => patternValues(pattern), [pattern]);
  useEffect(() => {
    const told = l10n.t(
      'Attention pattern of {0} on {1} tokens: rows are destinations, columns sources. Arrow keys move.',
      pattern.head,
      tokens.length,
    );
    place.current?.replaceChildren(drawPattern({ title: '', tokens, values }, told));
  }, [pattern, tokens, values]);
  return <div class="picture" ref={place} />;
}

export function Patterns({ patterns, tokens }: { patterns: SavedPattern[] } & Pick<ResultFile, 'tokens'>): JSX.Element {
  const [chosen, choose] = useState(0);
  // the file may have been changed since
  const at = Math.min(chosen, patterns.length - 1);
  return (
    <section class="block patterns" data-section="patterns">
      <h2>
        {l10n.t('Attention pattern')} <Concept id="attention-pattern" />
      </h2>
      <label class="choose">
        <span>{l10n.t('Head')}</span>
        <span class="select">
          <select
            aria-label={l10n.t('Head')}
            value={at}
            onChange={(event) => choose(Number(event.currentTarget.value))}
          >
            {patterns.map(({ head }, i) => (
              <option key={i} value={i}>
                {head}
              </option>
            ))}
          </select>
          <Icon name="chevron-down" />
        </span>
      </label>
      <Picture pattern={patterns[at]!} tokens={tokens} />
    </section>
  );
}
