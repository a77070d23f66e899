// Where the links to concepts stand: `?` beside the words that it explains, in every panel.
import type { Page } from 'playwright-core';

/** In CSS pixels: less and it sticks to the words, more and it belongs to nothing. */
const GAP = [2, 12];

/** The words before each `?` of the page, where it does not stand beside them, with the pixels between. */
export const strayConcepts = (page: Page): Promise<string[]> =>
  page.evaluate(`[...document.querySelectorAll('a.concept')].flatMap((link) => {
    const texts = document.createTreeWalker(link.parentElement, NodeFilter.SHOW_TEXT);
    const words = document.createRange();
    words.selectNodeContents(link);
    for (let text; (text = texts.nextNode()) && link.compareDocumentPosition(text) === Node.DOCUMENT_POSITION_PRECEDING;)
      if (text.data.trim()) words.setStart(text, 0), words.setEnd(text, text.data.trimEnd().length);
    const box = link.getBoundingClientRect();
    const lines = [...words.getClientRects()].filter(({ width }) => width > 0);
    const gap = box.left - lines.at(-1)?.right;
    // what is hidden, and words that take several lines, whose last may be short
    const isBeside = box.width === 0 || lines.length !== 1 || (gap >= ${GAP[0]} && gap <= ${GAP[1]});
    return isBeside ? [] : [\`\${words.toString().trim()}: ? is \${gap.toFixed(1)} px from it\`];
  })`);
