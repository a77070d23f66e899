// Examples and steering on the card of a latent, in a browser, with a fake host and what the real engine says about the samples.
import assert from 'node:assert/strict';
import type { SteerQuestion } from '../../src/protocol/latentsPanel';
import { visibleText } from '../../src/protocol/tokens';
import { fixed, probability } from '../../webview/shared/numbers';
import { ADD, card, data, events, host, open, panel, sent, useLatentCard, words } from './panel/latentCardSuite';
import { LATENT } from './panel/saeData';

describe('latent card: examples and steering', () => {
  useLatentCard();

  describe('examples', () => {
    it('are the strongest places of the text', async () => {
      await open();
      const values = await words(card('.example .value'));
      assert.deepEqual(values, ['5.60', '3.30', '1.51'], 'as in the drawing');
      const places = await words(card('.example .place'));
      assert.deepEqual(places, ['·add', '·a', 'console']);
      const tinted = await card('.example').nth(0).locator('.token.tinted').count();
      assert.ok(tinted >= 4, `${tinted} tokens are tinted`);
      assert.equal(await card('.example .token.locked').innerText(), '·add');
    });

    it('preview and lock their token', async () => {
      await open();
      const token = data.analysis.tokens.findIndex(({ text }) => text === ' a');
      await card('.example').nth(1).hover();
      assert.deepEqual((await events()).at(-1), { kind: 'hoverToken', token });
      await card('.example').nth(1).click();
      assert.deepEqual((await events()).at(-1), { kind: 'lockToken', token });
    });

    it('come from the corpus when a sweep is open', async () => {
      await open({ scenario: 'long' });
      await panel.page.getByRole('radiogroup', { name: 'Examples from' }).getByText('corpus').click();
      const { examples } = data.examples;
      const placeOf = ({ source, at, tokens }: (typeof examples)[0]): string => [source, at, ...tokens].join(' ');
      const once = examples.filter((one, i) => examples.findIndex((other) => placeOf(other) === placeOf(one)) === i);
      assert.ok(once.length < examples.length, 'a place is kept for several layers');
      assert.deepEqual(
        await words(card('.example .value')),
        once.slice(0, 10).map(({ value }) => fixed(value)),
      );
      await panel.shot('latentCard-corpus');
      assert.equal(await card('.example').first().getAttribute('title'), examples[0]!.source);
      assert.equal(
        await card('.example .place').first().innerText(),
        visibleText(examples[0]!.tokens[examples[0]!.at]!),
      );
    });

    it('lead to a sweep while there is none', async () => {
      await open();
      await card('.link').getByText('Sweep a corpus…').click();
      assert.deepEqual(await sent('latents/command'), ['sweepCorpus']);
    });
  });

  describe('steering', () => {
    const added: SteerQuestion = { latent: LATENT, layer: 3, edit: { kind: 'add', factor: 4 } };

    it('starts at the strongest layer and runs', async () => {
      await open();
      assert.equal(await card('.steer').getByRole('radio', { checked: true }).innerText(), 'L3');
      await card('.steer').getByText('Run', { exact: true }).click();
      assert.deepEqual(await sent('latents/steer'), [added]);
      await card('.steer-busy').waitFor();
      await host((h, question) => h.steered(question), added);
      await card('.predictions').waitFor();
      const { before, after, lossBefore, lossAfter, kl } = data.added;
      const cells = await words(card('.predictions tbody td'));
      const row = (i: number): string[] =>
        [before[ADD]![i]!, after[ADD]![i]!].flatMap(({ text, p }) => [visibleText(text), '', probability(p)]);
      assert.deepEqual(cells, [0, 1, 2, 3, 4].flatMap(row));
      const stat = `loss ${fixed(lossBefore, 3)} → ${fixed(lossAfter, 3)} nats · KL here ${fixed(kl[ADD]!, 3)} nats`;
      assert.deepEqual(await words(card('.steer .card-stat')), [stat]);
      assert.ok(kl[ADD]! > 0.01, 'it does something');
      await panel.shot('latentCard-steered');
    });

    it('takes the factor from the slider and from what is typed', async () => {
      await open();
      const slider = card('.slider');
      assert.deepEqual([await slider.getAttribute('min'), await slider.getAttribute('max')], ['-20', '20']);
      await slider.focus();
      await panel.page.keyboard.press('ArrowRight');
      assert.equal(await card('.factor').inputValue(), '4.5');
      await card('.factor').fill('-12.25');
      await panel.page.keyboard.press('Enter');
      assert.deepEqual((await sent('latents/steer')).at(-1)!.edit, { kind: 'add', factor: -12.25 });
    });

    it('ablates at another layer', async () => {
      await open();
      await card('.steer').getByRole('radio', { name: 'L5' }).click();
      await card('.steer').getByText('Ablate').click();
      const question: SteerQuestion = { latent: LATENT, layer: 5, edit: { kind: 'ablate' } };
      assert.deepEqual(await sent('latents/steer'), [question]);
      await host((h, asked) => h.steered(asked), question);
      await card('.predictions').waitFor();
      assert.match((await words(card('.predictions th')))[1]!, /ablated at L/);
    });

    it('follows the locked token, without another run', async () => {
      await open();
      await card('.steer').getByText('Run', { exact: true }).click();
      await card('.steer-busy').waitFor();
      await host((h, question) => h.steered(question), added);
      await card('.predictions').waitFor();
      await host((h) => h.select({ ...h.selection, locked: { destination: 7 } }));
      await panel.settle();
      const { before } = data.added;
      assert.equal((await words(card('.predictions tbody td')))[2], probability(before[7]![0]!.p));
      assert.equal((await sent('latents/steer')).length, 1);
    });

    it('says why it failed, and why the weights could not be read', async () => {
      await open({ scenario: 'wide' });
      assert.match((await words(card('.card-error')))[0]!, /out of memory/);
      await card('.steer').getByText('Run', { exact: true }).click();
      await card('.steer-busy').waitFor();
      await host((h, question) => h.steered(question), added);
      await card('.steer .card-error').waitFor();
      assert.equal(await card('.steer').getByText('Run', { exact: true }).count(), 1, 'it can be tried again');
    });
  });
});
