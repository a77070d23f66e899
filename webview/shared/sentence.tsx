/** A translated sentence with elements at its placeholders: `<Sentence text={l10n.t('after {0}')} parts={[<b>…</b>]} />`. */
import { Fragment, type ComponentChildren, type JSX } from 'preact';

interface Props {
  /** Translated without arguments, so that `{0}`, `{1}` … are still in it. */
  text: string;
  parts: readonly ComponentChildren[];
}

export const Sentence = ({ text, parts }: Props): JSX.Element => (
  <>
    {text.split(/(\{\d\})/).map((piece, i) => {
      const place = /^\{(\d)\}$/.exec(piece)?.[1];
      return <Fragment key={i}>{place === undefined ? piece : parts[Number(place)]}</Fragment>;
    })}
  </>
);
