/** What a screen reader is told: states, and how far it is, a tenth at a time. */
import { signal, useSignalEffect } from '@preact/signals';
import type { JSX } from 'preact';
import { useRef } from 'preact/hooks';
import { progressWords, wordsOfState } from './list';
import { focus } from './store';

const TENTHS = 10;
const spoken = signal('');

export function Spoken(): JSX.Element {
  const last = useRef('');
  useSignalEffect(() => {
    const now = focus.value;
    if (!now) return;
    const tenth = Math.floor((TENTHS * now.step) / Math.max(1, now.totalSteps));
    const key = JSON.stringify([now.dir, now.state, tenth]);
    if (key === last.current) return;
    last.current = key;
    spoken.value = `${now.name} ${wordsOfState(now)}: ${progressWords(now)}`;
  });
  return (
    <div class="sr-only" role="status" aria-live="polite">
      {spoken}
    </div>
  );
}
