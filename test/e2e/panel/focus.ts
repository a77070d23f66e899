/**
 * For the page: null if what has the keyboard looks different from when it has not, else what it is. It may be shown by the element,
 * or by the part of it that the keys are on (a token of the strip, a head of the grid).
 */
export const focusRing = `(() => {
  const host = document.activeElement;
  if (!host || host === document.body) return null;
  const inside = [...host.querySelectorAll('[data-active], .grid-focus, .node-focus, .active')];
  const inner = host.shadowRoot?.activeElement;
  const parts = [host, ...(inner ? [inner] : []), ...inside];
  const look = () => parts.map((part) => {
    const { outline, outlineOffset, boxShadow, borderColor, display, opacity } = getComputedStyle(part);
    return [outline.includes('none') ? '' : outline + outlineOffset, boxShadow, borderColor, display, opacity].join();
  }).join(';');
  const focused = look();
  host.blur();
  const blurred = look();
  host.focus();
  return focused === blurred ? host.outerHTML.slice(0, 160) : null;
})()`;
