/** Number, name and note of the latent; name and note can be edited in place. */
import * as l10n from '@vscode/l10n';
import type { ComponentChildren, JSX } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { LatentName } from '../../../src/protocol/latents/names';
import { tokensText } from '../../shared/plurals';
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
    <div class="name-editor" role="group" aria-label={l10n.t('Name and note. Enter saves, Escape cancels.')}>
      <input
        {...{ onKeyDown, class: 'field', spellcheck: false, placeholder: l10n.t('Name'), ref: first, value: text }}
        aria-label={l10n.t('Name of latent {0}', latent)}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <input
        {...{ onKeyDown, class: 'field', spellcheck: false, placeholder: l10n.t('Note'), value: note }}
        aria-label={l10n.t('Note about latent {0}', latent)}
        onInput={(event) => setNote(event.currentTarget.value)}
      />
      <button
        type="button"
        class="icon-button"
        aria-label={l10n.t('Save')}
        title={l10n.t('Save (Enter)')}
        onClick={done}
      >
        <Icon name="check" />
      </button>
      <button
        type="button"
        class="icon-button"
        aria-label={l10n.t('Cancel')}
        title={l10n.t('Cancel (Escape)')}
        onClick={() => onDone()}
      >
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
          title={l10n.t('Name and note: click to edit')}
          aria-label={name ? l10n.t('{0}: edit name and note', name.name) : l10n.t('Name this latent')}
          onClick={() => setEditing(true)}
        >
          {name?.name ?? <span class="none">{l10n.t('name it')}</span>}
        </button>
      )}
      <span class="pill">{layers}</span>
      <span class="pill">{tokensText(tokens)}</span>
      <div class="card-actions">
        {locked ? (
          <button type="button" class="lock-state" title={l10n.t('Click or Escape unlocks')} onClick={onUnlock}>
            <Icon name="pinned" />
            {l10n.t('locked')}
          </button>
        ) : null}
        {children}
      </div>
      {name?.note && !editing ? <p class="latent-note">{name.note}</p> : null}
    </header>
  );
}
