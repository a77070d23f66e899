/** Places where the latent is strongest, with the tokens around them. */
import * as l10n from '@vscode/l10n';
import type { JSX } from 'preact';
import { tintAlpha, visibleText } from '../../../src/protocol/tokens';
import { isDark } from '../../shared/colour';
import { fixed } from '../../shared/numbers';
import { themeKind } from '../../shared/theme';
import { TokenText } from '../../shared/tokenText';
import type { Example } from './about';

interface Props {
  examples: readonly Example[];
  /** End of the scale of tints. */
  most: number;
  /** Token of the text under the pointer and that is locked. */
  hovered?: number;
  locked?: number;
  /** Tokens of the text alone can be pointed at. */
  onHover: (token: number | undefined) => void;
  onLock: (token: number) => void;
}

function ExampleToken({
  text,
  weight,
  classes,
}: {
  text: string;
  weight: number;
  classes: (string | false)[];
}): JSX.Element {
  const alpha = tintAlpha(weight, isDark(themeKind.value));
  const tint = alpha > 0;
  return (
    <span
      class={['token', tint && 'tinted', ...classes].filter(Boolean).join(' ')}
      style={tint ? { '--alpha': alpha.toFixed(3), '--weight': weight.toFixed(3) } : undefined}
    >
      <TokenText text={text} />
    </span>
  );
}

function ExampleLine({ example, ...props }: { example: Example } & Omit<Props, 'examples'>): JSX.Element {
  const { value, layer, tokens, values, at, first, source } = example;
  const { most, hovered, locked, onHover, onLock } = props;
  const inText = first !== undefined;
  const place = visibleText(tokens[at] ?? '');
  const content = tokens.map((text, i) => (
    <ExampleToken
      key={i}
      text={text}
      weight={(values[i] ?? 0) / most}
      classes={[
        i === at && 'place',
        inText && first + i === hovered && 'hover',
        inText && first + i === locked && 'locked',
      ]}
    />
  ));
  const line = (
    <>
      <span class="example-tokens">{content}</span> <span class="number muted">L{layer}</span>{' '}
      <span class="number value">{fixed(value)}</span>
    </>
  );
  if (!inText)
    return (
      <div class="example" title={source}>
        {line}
      </div>
    );
  return (
    <button
      type="button"
      class="example"
      aria-label={l10n.t(
        '{0} L{1} {2}: {3} at token {4}. Enter locks the token.',
        visibleText(tokens.join('')),
        layer,
        fixed(value),
        place,
        first + at,
      )}
      onPointerEnter={() => onHover(first + at)}
      onPointerLeave={() => onHover(undefined)}
      onFocus={(event) => event.currentTarget.matches(':focus-visible') && onHover(first + at)}
      onBlur={() => onHover(undefined)}
      onClick={() => onLock(first + at)}
    >
      {line}
    </button>
  );
}

export const Examples = ({ examples, ...props }: Props): JSX.Element => (
  <div class="examples">
    {examples.map((example, i) => (
      <ExampleLine key={i} example={example} {...props} />
    ))}
  </div>
);
