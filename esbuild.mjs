// Bundles extension, engine, command line, panels (dist/) and, with --tests, the test suites (out/).
import * as esbuild from 'esbuild';
import { existsSync, readdirSync } from 'node:fs';

const flags = new Set(process.argv.slice(2));
const common = { bundle: true, sourcemap: true, logLevel: 'warning', minify: flags.has('--production') };
/** Node side: onnxruntime-node stays outside (native), vscode is the host's. */
const node = { ...common, platform: 'node', target: 'node20', format: 'cjs', external: ['vscode', 'onnxruntime-node'] };
const browser = {
  ...common,
  platform: 'browser',
  target: 'es2022',
  format: 'iife',
  jsx: 'automatic',
  jsxImportSource: 'preact',
};

const testsIn = (dir) =>
  existsSync(dir)
    ? readdirSync(dir)
        .filter((f) => f.endsWith('.test.ts'))
        .map((f) => `${dir}/${f}`)
    : [];

const builds = [
  { ...node, entryPoints: { extension: 'src/extension.ts' }, outdir: 'dist' },
  { ...node, entryPoints: { engine: 'src/engine/main.ts' }, outdir: 'dist' },
  { ...node, entryPoints: { cli: 'src/engine/cli.ts' }, outdir: 'dist', banner: { js: '#!/usr/bin/env node' } },
  {
    ...browser,
    entryPoints: { attention: 'webview/attention/main.tsx' },
    outdir: 'dist/webview',
    loader: { '.ttf': 'file' },
    assetNames: '[name]',
  },
];
const testBuilds = [
  { ...node, entryPoints: testsIn('test/unit'), outdir: 'out/unit', external: [...node.external, 'mocha'] },
  {
    ...node,
    entryPoints: [...testsIn('test/integration'), 'test/integration/index.ts'].filter(existsSync),
    outdir: 'out/integration',
    external: [...node.external, 'mocha'],
  },
  {
    ...node,
    entryPoints: testsIn('test/e2e'),
    outdir: 'out/e2e',
    external: [...node.external, 'mocha', 'playwright-core'],
  },
];

const wanted = [...builds, ...(flags.has('--tests') ? testBuilds : [])].filter(
  (b) => Object.keys(b.entryPoints).length > 0,
);
const present = wanted.filter((b) => Object.values(b.entryPoints).every((e) => existsSync(e)));
if (flags.has('--watch')) {
  for (const build of present) await (await esbuild.context({ ...build, logLevel: 'info' })).watch();
} else {
  await Promise.all(present.map((build) => esbuild.build(build)));
}
