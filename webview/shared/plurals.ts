/** Numbers of things: singular and plural are texts of their own. */
import * as l10n from '@vscode/l10n';

const written = (n: number): string => n.toLocaleString('en-US');

export const tokensText = (n: number): string =>
  n === 1 ? l10n.t('{0} token', written(n)) : l10n.t('{0} tokens', written(n));
export const textsText = (n: number): string =>
  n === 1 ? l10n.t('{0} text', written(n)) : l10n.t('{0} texts', written(n));
export const latentsText = (n: number): string =>
  n === 1 ? l10n.t('{0} latent', written(n)) : l10n.t('{0} latents', written(n));
export const tensorsText = (n: number): string =>
  n === 1 ? l10n.t('{0} tensor', written(n)) : l10n.t('{0} tensors', written(n));
