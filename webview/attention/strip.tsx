/** The prompt, tinted by what the focused token attends to. */
import type { JSX } from 'preact';
import { TokenStrip } from '../shared/tokenStrip';
import { weightsOf } from './heads';
import { dispatch, drawn, focus, selection, tokens } from './store';

function weights(): ArrayLike<number> | undefined {
  const shown = drawn.value;
  const about = focus.value;
  return shown && about && about.token < shown.matrix.n ? weightsOf(shown, about.side, about.token) : undefined;
}

export const Strip = (): JSX.Element => (
  <TokenStrip tokens={tokens.value} selection={selection} weights={weights} dispatch={dispatch} />
);
