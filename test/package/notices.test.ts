import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';

const ROOT = path.join(__dirname, '../..');

interface Metafile {
  outputs: Record<string, { inputs: Record<string, unknown> }>;
}

/** Every file that esbuild reads for the product, also those of which nothing remains. */
function bundledFiles(): string[] {
  const folder = mkdtempSync(path.join(tmpdir(), 'circuitscope-meta-'));
  try {
    const file = path.join(folder, 'meta.json');
    execFileSync(process.execPath, ['esbuild.mjs', '--production', `--metafile=${file}`], { cwd: ROOT });
    const metafiles = JSON.parse(readFileSync(file, 'utf8')) as Metafile[];
    return metafiles.flatMap(({ outputs }) => Object.values(outputs).flatMap(({ inputs }) => Object.keys(inputs)));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** `name version` of the installed package that a file belongs to. */
function packageOf(file: string): string | undefined {
  const parts = file.split('/');
  const at = parts.lastIndexOf('node_modules');
  if (at < 0) return undefined;
  const folder = parts.slice(0, at + (parts[at + 1]?.startsWith('@') ? 3 : 2)).join('/');
  const { name, version } = JSON.parse(readFileSync(path.join(ROOT, folder, 'package.json'), 'utf8')) as {
    name: string;
    version: string;
  };
  return `${name} ${version}`;
}

describe('ThirdPartyNotices.txt', () => {
  const text = readFileSync(path.join(ROOT, 'ThirdPartyNotices.txt'), 'utf8');
  /** Texts by title; a heading is a title and the declared licence between two rules. */
  const [, ...parts] = text.split(/^#{80}\n(.+)\n[^#]+\n#{80}$/m);
  const bodyOf = (start: string): string => parts[parts.findIndex((part) => part.startsWith(start)) + 1]?.trim() ?? '';

  it('is that of what is shipped now', () => {
    execFileSync(process.execPath, [path.join(ROOT, 'test/harness/notices.mjs'), '--check'], { stdio: 'pipe' });
  });

  it('has the licence of every package in the bundles', () => {
    const wanted = new Set(bundledFiles().flatMap((file) => packageOf(file) ?? []));
    assert.ok(wanted.size > 30, `${wanted.size} packages`);
    for (const title of wanted) assert.ok(bodyOf(title).length > 400, title);
  });

  it('has those of the native parts and of the samples', () => {
    assert.match(bodyOf('onnxruntime-node '), /^MIT License\n\nCopyright \(c\) Microsoft/);
    assert.match(bodyOf('onnxruntime-node '), /dawn\.googlesource\.com[^]*Copyright 2017-2023 The Dawn & Tint Authors/);
    assert.match(bodyOf('DirectX Shader Compiler'), /University of Illinois/);
    assert.match(bodyOf('samples/stories260K'), /Copyright \(c\) 2023 Andrej/);
  });
});
