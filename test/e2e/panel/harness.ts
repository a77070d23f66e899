/** Serves the panel's bundle in a plain page with the same content security policy as in VS Code, without VS Code. */
import { build } from 'esbuild';
import { createReadStream, existsSync } from 'node:fs';
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

function page(origin: string, theme: string, scenario: string, fixture: string, { panel, fakeHost }: Bundle): string {
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
<script nonce="${NONCE}">window.panelFixture = ${fixture};</script>
<script nonce="${NONCE}" src="/out/${fakeHost}.js"></script>
<script nonce="${NONCE}" src="/dist/${panel}.js"></script></body></html>`;
}

export interface Harness {
  url(theme: string, scenario: string): string;
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
      response.end(page(`http://${request.headers.host}`, theme, scenario, fixture, bundle));
    } else if (folders[folder] && existsSync(file)) {
      response.setHeader('content-type', TYPES[path.extname(file)] ?? 'application/octet-stream');
      createReadStream(file).pipe(response);
    } else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: (theme, scenario) => `http://127.0.0.1:${port}/?theme=${theme}&scenario=${scenario}`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
