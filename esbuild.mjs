// Bundles extension, engine, command line, panels (dist/) and, with --tests, the test suites (out/).
import * as esbuild from 'esbuild';
import { existsSync, readdirSync, rmSync } from 'node:fs';

const flags = new Set(process.argv.slice(2));
const production = flags.has('--production');
const common = { bundle: true, sourcemap: !production, logLevel: 'warning', minify: production };
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

const filesIn = (dir, ending) =>
  existsSync(dir)
    ? readdirSync(dir)
        .filter((f) => f.endsWith(ending))
        .map((f) => `${dir}/${f}`)
    : [];

/** Every folder of webview/ with a main.tsx is a panel. */
const panels = () =>
  Object.fromEntries(
    readdirSync('webview')
      .filter((name) => existsSync(`webview/${name}/main.tsx`))
      .map((name) => [name, `webview/${name}/main.tsx`]),
  );

const builds = [
  { ...node, entryPoints: { extension: 'src/extension.ts' }, outdir: 'dist' },
  { ...node, entryPoints: { engine: 'src/engine/main.ts' }, outdir: 'dist' },
  { ...node, entryPoints: { probe: 'src/engine/probe.ts' }, outdir: 'dist' },
  { ...node, entryPoints: { cli: 'src/engine/cli.ts' }, outdir: 'dist', banner: { js: '#!/usr/bin/env node' } },
  {
    ...browser,
    entryPoints: panels(),
    outdir: 'dist/webview',
    loader: { '.ttf': 'file' },
    assetNames: '[name]',
  },
];
/** Libraries that tests load at run time instead of carrying a copy. */
const libraries = ['mocha', 'playwright-core', 'eslint', 'esbuild'];
/** Everything below test/SUITE with that ending, bundled into out/SUITE. */
const suite = (name, ending = '.test.ts', ...more) => ({
  ...node,
  entryPoints: [...filesIn(`test/${name}`, ending), ...more],
  outdir: `out/${name}`,
  external: [...node.external, ...libraries],
});
const testBuilds = [
  suite('unit'),
  suite('integration', '.test.ts', 'test/integration/index.ts'),
  suite('e2e'),
  suite('package'),
  suite('fuzz', '.test.ts', 'test/fuzz/main.ts'),
  suite('bench', '.bench.ts', 'test/bench/extensionHost.ts'),
  suite('support', 'reporter.ts'),
];

/** A test whose source is gone must not run again. */
function removeStale({ outdir, entryPoints }) {
  const wanted = new Set(entryPoints.map((file) => file.replace(/^.*\//, '').replace(/\.ts$/, '.js')));
  for (const file of filesIn(outdir, '.js')) if (!wanted.has(file.slice(outdir.length + 1))) rmSync(file);
}

const withTests = flags.has('--tests');
if (withTests) testBuilds.forEach(removeStale);
const wanted = [...builds, ...(withTests ? testBuilds : [])].filter((b) => Object.keys(b.entryPoints).length > 0);
const present = wanted.filter((b) => Object.values(b.entryPoints).every((e) => existsSync(e)));
if (flags.has('--watch')) {
  for (const build of present) await (await esbuild.context({ ...build, logLevel: 'info' })).watch();
} else {
  // esbuild has printed what is wrong; a stack would say no more.
  const results = await Promise.allSettled(present.map((build) => esbuild.build(build)));
  if (results.some(({ status }) => status === 'rejected')) process.exitCode = 1;
}
