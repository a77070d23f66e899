/** The layouts of the panel by its width. */
import { type ReadonlySignal, signal } from '@preact/signals';

function follow(media: string): ReadonlySignal<boolean> {
  const query = window.matchMedia(media);
  const matches = signal(query.matches);
  query.addEventListener('change', () => (matches.value = query.matches));
  return matches;
}

/** The grid of heads stands at the left of the heatmap. */
export const aside = follow('(min-width: 900px)');
/** Small thumbnails with their names beneath. */
export const compact = follow('(max-width: 559px)');
