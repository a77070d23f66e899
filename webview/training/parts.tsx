import { Fragment, type JSX } from 'preact';

/** Words in a row; lines break between them only. */
export const Parts = ({ of, between }: { of: readonly string[]; between: string }): JSX.Element => (
  <>
    {of.map((part, i) => (
      <Fragment key={i}>
        {i > 0 ? between : ''}
        <span class="part">{part}</span>
      </Fragment>
    ))}
  </>
);
