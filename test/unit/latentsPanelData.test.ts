// What the latents panel lists and draws, against plain loops over small random encodings.
import assert from 'node:assert/strict';
import { type Encoding, latentMap, latentsAt } from '../../src/protocol/latents/encoding';
import { corpusRates, surprise } from '../../src/protocol/latents/surprise';
import { largestAt, largestMap, mapOf, sortEntries, tokensOf } from '../../webview/latents/entries';
import { columnShares, latentX, layoutLayers, placeAt, textShares } from '../../webview/latents/layers';
import { latentRows, type RowsInput } from '../../webview/latents/rows';
import { cellAt, cellX, cellY, labelled, layoutTokenMap } from '../../webview/latents/tokenMapLayout';
import { encodingOf } from '../e2e/panel/latentsEncoding';

const LAYERS = 3;
const TOKENS = 7;
const K = 4;
const LATENTS = 40;

/** Of a repeatable sequence, 0–1. */
function random(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 16807) % 2147483647) / 2147483647;
}

/** K latents a place, the largest first; some of the last are not active. */
function randomEncoding(seed: number): Encoding {
  const next = random(seed);
  const indices: number[] = [];
  const values: number[] = [];
  for (let place = 0; place < LAYERS * TOKENS; place++) {
    const chosen = new Set<number>();
    while (chosen.size < K) chosen.add(Math.floor(next() * LATENTS));
    indices.push(...chosen);
    const own = Array.from({ length: K }, () => next() * 5).sort((a, b) => b - a);
    values.push(...own.map((value, i) => (i === K - 1 && value < 1 ? 0 : value)));
  }
  const base64 = (array: Int32Array | Float32Array): string => Buffer.from(array.buffer).toString('base64');
  const latents = {
    nTokens: TOKENS,
    indices: base64(Int32Array.from(indices)),
    values: base64(Float32Array.from(values)),
  };
  const prompt = { text: '', tokens: [] };
  return encodingOf({ prompt, nLayers: LAYERS, k: K, nLatents: LATENTS, latents, corpus: latents });
}

describe('latents panel: data', () => {
  const encoding = randomEncoding(42);
  const entries = sortEntries(encoding);
  const all = [...encoding.active.latent];

  it('finds the places of every latent', () => {
    for (let latent = 0; latent < LATENTS; latent++)
      assert.deepEqual(mapOf(encoding, entries, latent), latentMap(encoding, latent), `latent ${latent}`);
  });

  it('knows the largest of every place', () => {
    const map = largestMap(encoding);
    for (let layer = 0; layer < LAYERS; layer++)
      for (let token = 0; token < TOKENS; token++) {
        const at = layer * TOKENS + token;
        const best = Math.max(...all.map((latent) => latentMap(encoding, latent)[at]!));
        assert.equal(map[at], best);
        assert.equal(latentMap(encoding, largestAt(encoding, layer, token)!)[at], best);
      }
  });

  it('orders the tokens of a latent by their largest activation', () => {
    for (const latent of all) {
      const map = latentMap(encoding, latent);
      const best = Array.from({ length: TOKENS }, (_, token) =>
        Math.max(...[0, 1, 2].map((layer) => map[layer * TOKENS + token]!)),
      );
      const wanted = best
        .map((value, token) => ({ token, value }))
        .filter(({ value }) => value > 0)
        .sort((a, b) => b.value - a.value);
      assert.deepEqual(tokensOf(encoding, entries, latent), wanted);
    }
  });

  describe('rows', () => {
    const input: RowsInput = { encoding, entries, sort: 'activation', search: '', names: {} };
    const latents = (more: Partial<RowsInput>): number[] =>
      latentRows({ ...input, ...more }).map(({ latent }) => latent);

    it('are those of a token, or of the text', () => {
      assert.deepEqual(latents({}), all);
      for (let token = 0; token < TOKENS; token++)
        assert.deepEqual(
          latents({ token }),
          latentsAt(encoding, token).map(({ latent }) => latent),
        );
    });

    it('are sorted by layer mean', () => {
      const means = latentRows({ ...input, sort: 'layerMean' }).map(({ layerMean }) => layerMean);
      assert.deepEqual(
        means,
        [...means].sort((a, b) => a - b),
      );
    });

    it('are sorted by bits above the corpus', () => {
      const rates = Float64Array.from({ length: LATENTS }, (_, latent) => (latent % 5 === 0 ? 0 : latent / 10));
      const rows = latentRows({ ...input, sort: 'surprise', rates });
      const bits = (latent: number): number => {
        const mean = latentMap(encoding, latent).reduce((sum, value) => sum + value, 0) / TOKENS;
        return rates[latent] === 0 ? Infinity : Math.log2(mean / rates[latent]!);
      };
      for (const row of rows) {
        const wanted = bits(row.latent);
        assert.ok(row.surprise === wanted || Math.abs(row.surprise - wanted) < 1e-5, `latent ${row.latent}`);
      }
      const order = rows.map((row) => row.surprise);
      assert.deepEqual(
        order,
        [...order].sort((a, b) => b - a),
      );
      assert.equal(order[0], Infinity);
    });

    it('of a token are surprising by what is active on it in all layers', () => {
      const rates = new Float64Array(LATENTS).fill(2);
      for (let token = 0; token < TOKENS; token++)
        for (const row of latentRows({ ...input, sort: 'surprise', rates, token })) {
          const map = latentMap(encoding, row.latent);
          const sum = [0, 1, 2].reduce((total, layer) => total + map[layer * TOKENS + token]!, 0);
          assert.ok(Math.abs(row.surprise - Math.log2(sum / 2)) < 1e-6, `latent ${row.latent} on ${token}`);
        }
    });

    it('are found by number and by name, whichever token is locked', () => {
      const idle = Array.from({ length: LATENTS }, (_, latent) => latent).find((latent) => !all.includes(latent));
      const names = { [all[3]!]: { name: 'Open Bracket' }, ...(idle !== undefined && { [idle]: { name: 'bracket' } }) };
      const found = latents({ search: 'BRACK', names, token: 2 });
      assert.deepEqual(found, idle === undefined ? [all[3]] : [all[3], idle]);
      assert.ok(latents({ search: `#${all[0]}` }).includes(all[0]!));
      assert.deepEqual(latents({ search: '39999' }), []);
    });
  });

  it('has the mean activation of a corpus', () => {
    const totals = Float64Array.from({ length: 2 * 3 }, (_, i) => i);
    const rates = corpusRates({ totals, tokens: 4, layers: [0, 1], nLatents: 3 } as never);
    assert.deepEqual([...rates], [3 / 4, 5 / 4, 7 / 4]);
    assert.equal(surprise(0, 1), -Infinity);
    assert.equal(surprise(2, 0.5), 2);
  });

  describe('picture of all latents', () => {
    const shares = textShares(encoding);

    it('is sorted by layer mean, every latent’s parts add up to 1', () => {
      assert.deepEqual(
        [...shares.mean],
        [...shares.mean].sort((a, b) => a - b),
      );
      shares.latents.forEach((latent, i) => {
        const map = latentMap(encoding, latent);
        const total = map.reduce((sum, value) => sum + value, 0);
        for (let layer = 0; layer < LAYERS; layer++) {
          const part = map.subarray(layer * TOKENS, (layer + 1) * TOKENS).reduce((sum, value) => sum + value, 0);
          assert.ok(Math.abs(shares.shares[i * LAYERS + layer]! - part / total) < 1e-6);
        }
      });
    });

    it('has columns of whole pixels; where there are more latents than pixels, of their means', () => {
      const count = shares.latents.length;
      for (const room of [60, 46, 400]) {
        const layout = layoutLayers(room, count, LAYERS);
        assert.ok(layout.left + layout.width <= room);
        const members = Array.from({ length: layout.columns }, (): number[] => []);
        for (let place = 0; place < count; place++) {
          const column = (latentX(layout, place) - layout.left) / layout.cell;
          members[column]!.push(place);
        }
        const image = columnShares(shares, layout);
        members.forEach((places, column) => {
          assert.ok(places.length >= 1, `column ${column} of ${layout.columns} in ${room}`);
          assert.equal(placeAt(layout, layout.left + column * layout.cell), places[0]);
          for (let layer = 0; layer < LAYERS; layer++) {
            const mean = places.reduce((sum, p) => sum + shares.shares[p * LAYERS + layer]!, 0) / places.length;
            assert.ok(Math.abs(image[(LAYERS - 1 - layer) * layout.columns + column]! - mean) < 1e-6);
          }
        });
        assert.equal(placeAt(layout, layout.left - 1), undefined);
        assert.equal(placeAt(layout, layout.left + layout.width), undefined);
      }
    });
  });

  describe('layer × token', () => {
    it('has every cell where its corner says, the last layer at the top', () => {
      for (const [room, nLayers, nTokens] of [
        [460, 6, 42],
        [300, 48, 1024],
        [900, 1, 3],
      ] as const) {
        const layout = layoutTokenMap(room, nLayers, nTokens);
        assert.ok(Number.isInteger(layout.width) && Number.isInteger(layout.height) && layout.width > 0);
        for (const [layer, token] of [
          [0, 0],
          [nLayers - 1, nTokens - 1],
          [nLayers >> 1, nTokens >> 1],
        ] as const) {
          const [x, y] = [cellX(layout, token), cellY(layout, layer)];
          for (const by of [0, 1]) {
            const found = cellAt(layout, x + by * (layout.width - 1), y + by * (layout.height - 1));
            assert.deepEqual(found, { layer, token });
          }
        }
        assert.equal(cellAt(layout, layout.left - 1, layout.top), undefined);
        assert.ok(cellY(layout, nLayers - 1) === layout.top);
      }
    });

    it('labels what is locked, then the strongest, never two too near', () => {
      const layout = layoutTokenMap(100, 6, 400);
      assert.equal(layout.width, 4);
      const values = Float32Array.from({ length: 400 }, (_, token) => (token % 2 ? 0 : token));
      const kept = labelled(layout, values, [7]);
      assert.deepEqual(kept.slice(0, 2), [7, 398]);
      const sorted = [...kept].sort((a, b) => a - b);
      sorted.slice(1).forEach((token, i) => assert.ok((token - sorted[i]!) * layout.width >= 10));
      assert.ok(kept.every((token) => token === 7 || values[token]! > 0));
    });
  });
});
