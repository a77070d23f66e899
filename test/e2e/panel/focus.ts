/**
 * For the page: null if what has the keyboard shows that it has it, else what it is. It is shown by an outline or a shadow of the
 * element, or of the part that the keys are on (a token of the strip, a head of the grid).
 */
export const focusRing = `(() => {
  let element = document.activeElement;
  if (!element || element === document.body) return null;
  const host = element;
  while (element.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
  const parts = [host, element, ...host.querySelectorAll('[data-active], .grid-focus, .node-focus, .active')];
  const ringed = (style) =>
    (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0 && style.outlineColor !== 'rgba(0, 0, 0, 0)') ||
    (style.boxShadow !== 'none' && style.display !== 'none');
  if (parts.some((part) => ringed(getComputedStyle(part)))) return null;
  if (host.matches('input[type=range]') && ringed(getComputedStyle(host, '::-webkit-slider-thumb'))) return null;
  return host.outerHTML.slice(0, 160);
})()`;
