// Bundles extension, engine, command line, panels (dist/) and, with --tests, the test suites (out/).
import * as esbuild from 'esbuild';
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';

const flags = new Set(process.argv.slice(2));
const production = flags.has('--production');
const common = { bundle: true, sourcemap: !production, logLevel: 'warning', minify: production };
/** Node side: onnxruntime-node stays outside (native), vscode is the host's. */
const node = { ...common, platform: 'node', target: 'node20', format: 'cjs', external: ['vscode', 'onnxruntime-node'] };
/** Before ONNX Runtime is loaded: its official builds report to their makers unless this is set. */
const noTelemetry = "process.env.ORT_DISABLE_TELEMETRY = '1';";
/** What loads ONNX Runtime. */
const engine = { ...node, banner: { js: noTelemetry } };
/**
 * So that the extension starts soon: what VS Code is told at activation (extension.js) apart from what is read when something is
 * used first (features.js); in each one import of `vscode` for all files (VS Code looks for the caller of each, and esbuild copies
 * the API for each); and the library that speaks to the engine, a third of the code, in a file that is read with the engine.
 */
const startsSoon = {
  name: 'starts soon',
  setup(build) {
    build.onResolve({ filter: /^vscode$/ }, ({ namespace }) =>
      namespace === 'vscode' ? { path: 'vscode', external: true } : { path: 'vscode', namespace: 'vscode' },
    );
    build.onLoad({ filter: /.*/, namespace: 'vscode' }, () => ({ contents: "export * from 'vscode'" }));
    build.onResolve({ filter: /^vscode-jsonrpc\/node$/ }, () => ({ path: './jsonrpc.js', external: true }));
  },
};
/** The SDK of the Model Context Protocol, in a file that only `circuitscope mcp` reads. */
const mcpApart = {
  name: 'mcp apart',
  setup: (build) => build.onResolve({ filter: /^\.\.\/mcp$/ }, () => ({ path: './mcp.js', external: true })),
};
const browser = {
  ...common,
  platform: 'browser',
  target: 'es2022',
  format: 'iife',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  // before the panel's own code, which asks for texts in VS Code's language
  inject: ['webview/shared/l10n.ts'],
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
  {
    ...node,
    entryPoints: { extension: 'src/extension.ts', features: 'src/host/features.ts' },
    outdir: 'dist',
    plugins: [startsSoon],
    // `import()` of a bundle would find no names in it; `require` does
    supported: { 'dynamic-import': false },
  },
  { ...node, entryPoints: { jsonrpc: 'node_modules/vscode-jsonrpc/lib/node/main.js' }, outdir: 'dist' },
  { ...engine, entryPoints: { engine: 'src/engine/main.ts' }, outdir: 'dist' },
  { ...engine, entryPoints: { probe: 'src/engine/probe.ts' }, outdir: 'dist' },
  {
    ...engine,
    entryPoints: { cli: 'src/engine/cli.ts' },
    outdir: 'dist',
    banner: { js: `#!/usr/bin/env node\n${noTelemetry}` },
    plugins: [mcpApart],
    supported: { 'dynamic-import': false },
  },
  { ...node, entryPoints: { mcp: 'src/engine/mcp.ts' }, outdir: 'dist' },
  {
    ...browser,
    entryPoints: panels(),
    outdir: 'dist/webview',
    loader: { '.ttf': 'file' },
    assetNames: '[name]',
  },
  // a module that VS Code puts into a notebook's page; its style sheet is a text in it
  {
    ...browser,
    entryPoints: { notebook: 'webview/notebook/renderer.ts' },
    outdir: 'dist/webview',
    format: 'esm',
    loader: { '.css': 'text' },
  },
];
/** Libraries that tests load at run time instead of carrying a copy. */
const libraries = ['mocha', 'playwright-core', 'axe-core', 'eslint', 'esbuild', 'typescript'];
/** Everything below test/SUITE with that ending, bundled into out/SUITE. */
const suite = (name, ending = '.test.ts', ...more) => ({
  ...engine,
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
const metafile = [...flags].find((flag) => flag.startsWith('--metafile='))?.slice('--metafile='.length);
if (metafile) {
  // What goes into the product, without making it. What is wrong esbuild has printed.
  const account = (build) => esbuild.build({ ...build, write: false, metafile: true });
  const made = await Promise.all(builds.map(account)).catch(() => process.exit(1));
  writeFileSync(metafile, JSON.stringify(made.map((result) => result.metafile)));
} else if (flags.has('--watch')) {
  for (const build of present) await (await esbuild.context({ ...build, logLevel: 'info' })).watch();
} else {
  // esbuild has printed what is wrong; a stack would say no more.
  const results = await Promise.allSettled(present.map((build) => esbuild.build(build)));
  if (results.some(({ status }) => status === 'rejected')) process.exitCode = 1;
}
