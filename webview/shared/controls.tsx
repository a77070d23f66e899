/**
 * VS Code's controls. The only module that knows `@vscode/webview-ui-toolkit` (archived upstream): a swap is this file.
 */
import { provideVSCodeDesignSystem, vsCodeButton, vsCodeProgressRing } from '@vscode/webview-ui-toolkit';
import { type ComponentChildren, h, type JSX } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';

provideVSCodeDesignSystem().register(vsCodeButton(), vsCodeProgressRing());

export const Icon = ({ name }: { name: string }): JSX.Element => (
  <span class={`codicon codicon-${name}`} aria-hidden="true" />
);

interface ButtonProps {
  children: ComponentChildren;
  onClick: () => void;
  secondary?: boolean;
}

// elements of the toolkit are made by name: JSX has no types for them
export const Button = ({ children, onClick, secondary }: ButtonProps): JSX.Element =>
  h('vscode-button', { appearance: secondary ? 'secondary' : 'primary', onClick }, children);

export const ProgressRing = (): JSX.Element => h('vscode-progress-ring', { 'aria-hidden': true });

export interface Choice<T> {
  value: T;
  label: string;
  /** Where the panel is too narrow for `label`. */
  short?: string;
  title: string;
  /** It cannot be chosen now; `title` says why. */
  disabled?: boolean;
}

interface SegmentedProps<T> {
  label: string;
  choices: readonly Choice<T>[];
  value: T;
  onChange: (value: T) => void;
}

/** One of a few, in a row: a radio group with arrow keys. */
export function Segmented<T extends string>({ label, choices, value, onChange }: SegmentedProps<T>): JSX.Element {
  const group = useRef<HTMLDivElement>(null);
  const step = (event: KeyboardEvent): void => {
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    const count = choices.length;
    let next = choices.findIndex((choice) => choice.value === value);
    do next = (next + by + count) % count;
    while (choices[next]!.disabled && choices[next]!.value !== value);
    onChange(choices[next]!.value);
    (group.current?.children[next] as HTMLElement | undefined)?.focus();
  };
  return (
    <div class="segmented" role="radiogroup" aria-label={label} ref={group} onKeyDown={step}>
      {choices.map((choice) => (
        <button
          key={choice.value}
          type="button"
          role="radio"
          aria-checked={choice.value === value}
          aria-disabled={choice.disabled}
          aria-label={choice.label}
          tabIndex={choice.value === value ? 0 : -1}
          title={choice.title}
          onClick={() => choice.disabled || onChange(choice.value)}
        >
          <span class={choice.short ? 'long' : undefined}>{choice.label}</span>
          {choice.short ? <span class="short">{choice.short}</span> : null}
        </button>
      ))}
    </div>
  );
}

interface MenuProps<T> {
  label: string;
  icon: string;
  items: readonly { value: T; label: string }[];
  onPick: (value: T) => void;
}

/** Pixels between a menu and the edge of the page, at least. */
const EDGE = 4;

/** An icon button that opens a short menu. */
export function IconMenu<T extends string>({ label, icon, items, onPick }: MenuProps<T>): JSX.Element {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  // at once: arrow keys that follow quickly find the first item
  useLayoutEffect(() => {
    if (!open) return;
    const menu = root.current?.querySelector<HTMLElement>('[role=menu]');
    // where its button has wrapped to the left of a narrow panel
    if (menu) menu.style.right = `${Math.min(0, menu.getBoundingClientRect().left - EDGE)}px`;
    menu?.querySelector<HTMLElement>('[role=menuitem]')?.focus();
    const close = (event: Event): void => {
      if (!root.current?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener('pointerdown', close);
    return () => document.removeEventListener('pointerdown', close);
  }, [open]);
  const close = (): void => {
    setOpen(false);
    root.current?.querySelector('button')?.focus();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (!open) return;
    const entries = [...(root.current?.querySelectorAll<HTMLElement>('[role=menuitem]') ?? [])];
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by !== undefined) {
      const next = entries.indexOf(document.activeElement as HTMLElement) + by;
      entries.at(next % entries.length)?.focus();
      event.preventDefault();
    } else if (event.key === 'Escape') {
      close();
      event.stopPropagation();
    } else if (event.key === 'Tab') setOpen(false);
  };
  return (
    <div class="menu" ref={root} onKeyDown={onKeyDown}>
      <button
        type="button"
        class="icon-button"
        aria-haspopup="menu"
        aria-expanded={open}
        aria-label={label}
        title={label}
        onClick={() => setOpen(!open)}
      >
        <Icon name={icon} />
      </button>
      {open ? (
        <div class="menu-items" role="menu" aria-label={label}>
          {items.map((item) => (
            <button
              key={item.value}
              type="button"
              role="menuitem"
              tabIndex={-1}
              onClick={() => {
                close();
                onPick(item.value);
              }}
            >
              {item.label}
            </button>
          ))}
        </div>
      ) : null}
    </div>
  );
}

interface FieldProps {
  label: string;
  placeholder: string;
  /** Enter was pressed; an empty text means that the field was cleared. */
  onSubmit: (text: string) => void;
}

/** A line of text that is taken with Enter. */
export function Field({ label, placeholder, onSubmit }: FieldProps): JSX.Element {
  return (
    <input
      class="field"
      type="search"
      aria-label={label}
      placeholder={placeholder}
      spellcheck={false}
      onKeyDown={(event) => {
        // Escape belongs to the field while the keyboard is in it
        if (event.key === 'Escape') event.stopPropagation();
        if (event.key === 'Enter') onSubmit(event.currentTarget.value);
      }}
      onInput={(event) => event.currentTarget.value === '' && onSubmit('')}
    />
  );
}
