/** Number, name and note of the latent; name and note can be edited in place. */
import type { ComponentChildren, JSX } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { LatentName } from '../../../src/protocol/latents/names';
import { plural } from '../../../src/protocol/tokens';
import { Icon } from '../../shared/controls';

interface Props {
  latent: number;
  name: LatentName | undefined;
  /** `layers 3–5` */
  layers: string;
  /** On which it is active. */
  tokens: number;
  locked: boolean;
  onUnlock: () => void;
  onRename: (name: LatentName) => void;
  /** At the right end. */
  children?: ComponentChildren;
}

function Editor({
  latent,
  name,
  onDone,
}: {
  latent: number;
  name: LatentName | undefined;
  onDone: (name?: LatentName) => void;
}): JSX.Element {
  const [text, setText] = useState(name?.name ?? '');
  const [note, setNote] = useState(name?.note ?? '');
  const done = (): void => onDone({ name: text.trim(), ...(note.trim() && { note: note.trim() }) });
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'Enter') done();
    else if (event.key === 'Escape') onDone();
    else return;
    // Escape belongs to the fields while they are there
    event.stopPropagation();
    event.preventDefault();
  };
  const first = useRef<HTMLInputElement>(null);
  // before the next key: what is typed at once would be selected and lost
  useLayoutEffect(() => first.current?.select(), []);
  return (
    <div class="name-editor" role="group" aria-label="Name and note. Enter saves, Escape cancels.">
      <input
        {...{ onKeyDown, class: 'field', spellcheck: false, placeholder: 'Name', ref: first, value: text }}
        aria-label={`Name of latent ${latent}`}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <input
        {...{ onKeyDown, class: 'field', spellcheck: false, placeholder: 'Note', value: note }}
        aria-label={`Note about latent ${latent}`}
        onInput={(event) => setNote(event.currentTarget.value)}
      />
      <button type="button" class="icon-button" aria-label="Save" title="Save (Enter)" onClick={done}>
        <Icon name="check" />
      </button>
      <button type="button" class="icon-button" aria-label="Cancel" title="Cancel (Escape)" onClick={() => onDone()}>
        <Icon name="close" />
      </button>
    </div>
  );
}

export function CardTitle(props: Props): JSX.Element {
  const { latent, name, layers, tokens, locked, onUnlock, onRename, children } = props;
  const [editing, setEditing] = useState(false);
  return (
    <header class="card-title">
      <h2 class="mono">#{latent}</h2>
      {editing ? (
        <Editor
          latent={latent}
          name={name}
          onDone={(next) => {
            setEditing(false);
            if (next) onRename(next);
          }}
        />
      ) : (
        <button
          type="button"
          class="latent-name"
          title="Name and note: click to edit"
          aria-label={name ? `${name.name}: edit name and note` : 'Name this latent'}
          onClick={() => setEditing(true)}
        >
          {name?.name ?? <span class="none">name it</span>}
        </button>
      )}
      <span class="pill">{layers}</span>
      <span class="pill">{plural(tokens, 'token')}</span>
      <div class="card-actions">
        {locked ? (
          <button type="button" class="lock-state" title="Click or Escape unlocks" onClick={onUnlock}>
            <Icon name="pinned" />
            locked
          </button>
        ) : null}
        {children}
      </div>
      {name?.note && !editing ? <p class="latent-note">{name.note}</p> : null}
    </header>
  );
}
