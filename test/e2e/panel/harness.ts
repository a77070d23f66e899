/** Serves the panel's bundle in a plain page with the same content security policy as in VS Code, without VS Code. */
import { build } from 'esbuild';
import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { referenceFixture } from './fixture';
import { THEMES } from './themes';

const NONCE = 'panelharness';
const TYPES: Record<string, string> = {
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.ttf': 'font/ttf',
  '.map': 'application/json',
};

/** Which panel, who plays the host for it, and what that host plays with. */
export interface Bundle {
  panel: string;
  /** File of this folder. */
  fakeHost: string;
  fixture: (root: string) => unknown;
}

const ATTENTION: Bundle = { panel: 'attention', fakeHost: 'fakeHost', fixture: referenceFixture };

/** The texts of a language, as src/host/webviewPage.ts puts them into the page. */
function texts(root: string, language: string): string {
  const table: unknown = JSON.parse(readFileSync(path.join(root, `l10n/bundle.l10n.${language}.json`), 'utf8'));
  return `<script type="application/json" id="l10n">${JSON.stringify(table).replaceAll('<', '\\u003c')}</script>`;
}

interface Page {
  origin: string;
  theme: string;
  scenario: string;
  fixture: string;
  translations: string;
}

function page({ origin, theme, scenario, fixture, translations }: Page, { panel, fakeHost }: Bundle): string {
  const csp = [
    "default-src 'none'",
    `script-src 'nonce-${NONCE}'`,
    // the hash is of the empty style element that the toolkit adds
    `style-src ${origin} 'nonce-${NONCE}' 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='`,
    `font-src ${origin}`,
    'img-src data:',
  ].join('; ');
  const variables = Object.entries(THEMES[theme] ?? {}).map(([name, value]) => `--vscode-${name}: ${value};`);
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${panel}</title>
<meta http-equiv="Content-Security-Policy" content="${csp}">
<style nonce="${NONCE}">html { ${variables.join(' ')} }</style>
<link rel="stylesheet" href="/dist/${panel}.css"></head>
<body class="${theme}" data-scenario="${scenario}">
${translations}
<script nonce="${NONCE}">window.panelFixture = ${fixture};</script>
<script nonce="${NONCE}" src="/out/${fakeHost}.js"></script>
<script nonce="${NONCE}" src="/dist/${panel}.js"></script></body></html>`;
}

export interface Harness {
  /** `language`: of a table in l10n/; default: English. */
  url(theme: string, scenario: string, language?: string): string;
  close(): Promise<void>;
}

/** `root`: of the repository, after `node esbuild.mjs`. */
export async function startHarness(root: string, bundle = ATTENTION): Promise<Harness> {
  const fixture = JSON.stringify(bundle.fixture(root)).replaceAll('<', '\\u003c');
  const folders: Record<string, string> = {
    dist: path.join(root, 'dist/webview'),
    out: path.join(root, 'out/e2e/panel'),
  };
  await build({
    entryPoints: [path.join(root, `test/e2e/panel/${bundle.fakeHost}.ts`)],
    bundle: true,
    format: 'iife',
    outdir: folders.out,
    logLevel: 'warning',
  });
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const [, folder = '', name = ''] = url.pathname.split('/');
    const file = path.join(folders[folder] ?? '', path.basename(name));
    if (url.pathname === '/') {
      const [theme, scenario] = [url.searchParams.get('theme')!, url.searchParams.get('scenario')!];
      response.setHeader('content-type', 'text/html');
      const language = url.searchParams.get('language');
      const translations = language ? texts(root, language) : '';
      response.end(page({ origin: `http://${request.headers.host}`, theme, scenario, fixture, translations }, bundle));
    } else if (folders[folder] && existsSync(file)) {
      response.setHeader('content-type', TYPES[path.extname(file)] ?? 'application/octet-stream');
      createReadStream(file).pipe(response);
    } else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: (theme, scenario, language = '') =>
      `http://127.0.0.1:${port}/?theme=${theme}&scenario=${scenario}&language=${language}`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
