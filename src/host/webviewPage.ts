import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';
import { CONCEPTS_COMMAND } from './concepts';

/** The toolkit's components add one empty <style>, which this hash allows. */
const TOOLKIT_STYLE = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='";

/** The folder that panels load from. */
export const webviewRoot = (extensionUri: vscode.Uri): vscode.Uri =>
  vscode.Uri.joinPath(extensionUri, 'dist', 'webview');

/** Scripts, files of the panels' folder, and links to what a quantity is; nothing else. */
export const webviewOptions = (root: vscode.Uri): vscode.WebviewOptions => ({
  enableScripts: true,
  localResourceRoots: [root],
  enableCommandUris: [CONCEPTS_COMMAND],
});

/** Between tags and in attributes. */
const escaped = (text: string): string => text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);

/** The texts of VS Code's language as data that is not run; see webview/shared/l10n.ts. Nothing in English. */
const translations = (): string =>
  vscode.l10n.bundle
    ? `<script type="application/json" id="l10n">${JSON.stringify(vscode.l10n.bundle).replaceAll('<', '\\u003c')}</script>`
    : '';

/** The page of a panel: its one script and style sheet under a strict content security policy. */
export function webviewPage(webview: vscode.Webview, root: vscode.Uri, name: string, title: string): string {
  const nonce = randomBytes(16).toString('base64');
  const uri = (file: string): string => webview.asWebviewUri(vscode.Uri.joinPath(root, file)).toString();
  const csp = [
    "default-src 'none'",
    'img-src data:',
    `font-src ${webview.cspSource}`,
    `style-src ${webview.cspSource} 'nonce-${nonce}' ${TOOLKIT_STYLE}`,
    `script-src 'nonce-${nonce}'`,
  ].join('; ');
  const language = vscode.l10n.bundle ? vscode.env.language : 'en';
  return `<!DOCTYPE html>
<html lang="${escaped(language)}">
  <head>
    <meta charset="utf-8" />
    <meta http-equiv="Content-Security-Policy" content="${csp}" />
    <meta name="viewport" content="width=device-width" />
    <link rel="stylesheet" href="${uri(`${name}.css`)}" />
    <title>${escaped(title)}</title>
  </head>
  <body>
    ${translations()}
    <script nonce="${nonce}" src="${uri(`${name}.js`)}"></script>
  </body>
</html>`;
}
