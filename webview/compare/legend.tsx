/** The scales of the pictures. */
import * as l10n from '@vscode/l10n';
import type { JSX } from 'preact';
import { rampGradient } from '../shared/colour';
import { divergingGradient } from '../shared/diverging';
import { fixed } from '../shared/numbers';
import { themeKind } from '../shared/theme';

interface LegendProps {
  /** What the colour is. */
  label: string;
  end: number;
  /** From −end to end, instead of from 0. */
  signed?: boolean;
  title: string;
}

const digits = (end: number): number => (end < 0.1 ? 2 : end < 10 ? 1 : 0);

export function Legend({ label, end, signed, title }: LegendProps): JSX.Element {
  const text = fixed(end, digits(end));
  const from = signed ? `−${text}` : '0';
  const gradient = (signed ? divergingGradient : rampGradient)(themeKind.value);
  return (
    <span
      class="scale"
      title={title}
      role="img"
      aria-label={l10n.t('{0}: colour scale from {1} to {2}', label, from, text)}
    >
      {label} {from}
      <i style={{ backgroundImage: gradient }} />
      {signed ? `+${text}` : text}
    </span>
  );
}
