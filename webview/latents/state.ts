/** What the person set in this panel, and what follows from it: order and search of the list, which picture is drawn. */
import { computed, effect, signal } from '@preact/signals';
import { corpusRates } from '../../src/protocol/latents/surprise';
import { latentRows, type Row, type Sort } from './rows';
import { corpus, encoding, entries, locked, names, saveState, savedState, selection } from './store';

/** Layer × token; or layer × latents sorted by layer mean, in the text or in the corpus. */
export type Picture = 'latent' | 'text' | 'corpus';

export const sort = signal<Sort>('activation');
export const search = signal('');
export const picture = signal<Picture>('latent');

const rates = computed(() => (corpus.value ? corpusRates(corpus.value) : undefined));

/** What needs a corpus gives way while there is none. */
export const sortNow = computed<Sort>(() => (sort.value === 'surprise' && !corpus.value ? 'activation' : sort.value));
export const pictureNow = computed<Picture>(() =>
  picture.value === 'corpus' && !corpus.value ? 'text' : picture.value,
);

export const rows = computed<Row[]>(() => {
  if (!encoding.value || !entries.value) return [];
  return latentRows({
    encoding: encoding.value,
    entries: entries.value,
    token: tokenInText(locked.value),
    rates: rates.value,
    sort: sortNow.value,
    search: search.value,
    names: names.value,
  });
});

/** The selection may still be about another text for a moment. */
const tokenInText = (token: number | undefined): number | undefined =>
  token !== undefined && token < (encoding.value?.nTokens ?? 0) ? token : undefined;

/**
 * The latent that the layer × token map is of: a row or a cell of another picture under the pointer, else the locked
 * one. A cell of the map of the maximum previews its latent without changing the map.
 */
export const mapLatent = computed(() => {
  const { previewLatent, previewLayer, latent } = selection.value;
  return previewLayer === undefined ? (previewLatent ?? latent) : latent;
});

interface Saved {
  sort: Sort;
  picture: Picture;
}

/** As it was before it was hidden; kept from now on. */
export function keepState(): void {
  const saved = savedState() as Partial<Saved> | undefined;
  if (saved?.sort) sort.value = saved.sort;
  if (saved?.picture) picture.value = saved.picture;
  effect(() => saveState({ sort: sort.value, picture: picture.value } satisfies Saved));
}
