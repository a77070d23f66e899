// `npm run package [-- --target linux-x64]`: a .vsix for one platform, with that platform's ONNX Runtime inside.
import { mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { main, root, say, SetupError } from './common.mjs';
import { ensureBuild, ensureDependencies } from './setup.mjs';

/** The platforms for which onnxruntime-node has binaries, by VS Code's names. */
const TARGETS = ['linux-x64', 'linux-arm64', 'darwin-arm64', 'win32-x64', 'win32-arm64'];

export const thisTarget = () => `${process.platform}-${process.arch}`;

/** .vscodeignore, and of node_modules only what is loaded at run time on that platform. */
function ignoreRules(target) {
  const natives = `node_modules/onnxruntime-node/bin/napi-v6/${target.replace('-', '/')}`;
  return [
    readFileSync(path.join(root, '.vscodeignore'), 'utf8'),
    'node_modules/**',
    '!node_modules/onnxruntime-node/package.json',
    '!node_modules/onnxruntime-node/dist/*.js',
    `!${natives}/**`,
    '!node_modules/onnxruntime-common/package.json',
    '!node_modules/onnxruntime-common/dist/cjs/*.js',
    '!node_modules/onnxruntime-common/dist/cjs/package.json',
  ].join('\n');
}

/**
 * Writes the package of a platform into a folder and returns its path.
 * @param {string} target
 * @param {string} folder
 */
export async function makePackage(target, folder = root) {
  if (!TARGETS.includes(target))
    throw new SetupError(`there is no ONNX Runtime for ${target}: --target is one of ${TARGETS.join(', ')}.`);
  const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  const vsix = path.join(folder, `${manifest.name}-${target}-${manifest.version}.vsix`);
  rmSync(path.join(root, 'dist'), { recursive: true, force: true });
  ensureBuild('--production');
  const { createVSIX } = await import('@vscode/vsce');
  const scratch = mkdtempSync(path.join(tmpdir(), 'circuitscope-vsce-'));
  const draft = `${vsix}.${process.pid}`;
  try {
    const ignoreFile = path.join(scratch, 'ignore');
    writeFileSync(ignoreFile, ignoreRules(target));
    say(`packing for ${target}…`);
    await createVSIX({
      cwd: root,
      target,
      ignoreFile,
      packagePath: draft,
      allowMissingRepository: true,
      // The pictures of the README travel in the package.
      rewriteRelativeLinks: false,
    });
    renameSync(draft, vsix);
  } catch (error) {
    throw new SetupError(`vsce could not make the package: ${error.message}`);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
    rmSync(draft, { force: true });
  }
  say(`${path.relative(process.cwd(), vsix)}: ${(statSync(vsix).size / 1e6).toFixed(1)} MB`);
  return vsix;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href)
  await main(async () => {
    const { values } = parseArgs({ options: { target: { type: 'string', default: thisTarget() } } });
    ensureDependencies();
    await makePackage(values.target);
  });
