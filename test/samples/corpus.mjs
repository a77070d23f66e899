// A corpus of the sources of the project's own dependencies: what is in node_modules, and nothing from the network.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { writeWhole } from '../harness/common.mjs';

/** Licences that let a text be learnt from and what was learnt be given away (SPDX). */
const LICENCES = ['MIT', 'ISC', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD', 'BlueOak-1.0.0', 'CC0-1.0'];
/** Source, type declarations and documents; not the CommonJS twins of modules. */
const IS_TEXT = /\.([mc]?ts|tsx|mjs|js|jsx|md|markdown)$/i;
const IS_DOCUMENT = /\.(md|markdown)$/i;
const IS_HISTORY = /changelog|history/i;
const SKIPPED =
  /(^|\/)(locales?|cjs|umd|cdn|esm5|min|bundles?)(\/|$)|[.-]min\.|\.d\.[cm]ts$|licen[cs]e|thirdparty|notice/i;
const LIMITS = {
  /** Bytes of a package that are kept, so that none is all that is learnt. */
  package: 6_000_000,
  /** Characters of a file that is looked at; and of a history, which says much the same again and again. */
  file: 3_000_000,
  history: 30_000,
  /** Characters of a line, and of all lines on average. Longer: made by a machine. */
  line: { source: 400, document: 4000 },
  mean: { source: 120, document: 400 },
  /** Share of characters that are no ASCII. */
  foreign: 0.02,
  /** Share of a file's lines that are known from other files. More: it is a copy. */
  known: 0.6,
  /** Characters of a piece. Files are cut, so that texts that are read one after another are of many files. */
  piece: 16_000,
};
/** Share of the text that is held out, by file; a larger file is not. */
const HELD_OUT = 0.02;
const MOST_HELD_OUT = 150_000;

/**
 * Writes `train.jsonl` and `heldout.jsonl` (`{"path", "text"}` a line, in a seeded order) and `CORPUS.md`, which says what is in
 * them. The same packages give the same files.
 * @param {{from: string, out: string, packages?: string[]}} options `from`: a node_modules folder; `packages`: only these
 * @returns {{train: string, heldOut: string, characters: number, files: number}} paths of the files, sizes of the corpus
 */
export function buildCorpus({ from, out, packages }) {
  const known = { texts: new Set(), lines: new Set() };
  const found = packagesOf(from).filter(({ name }) => !packages || packages.includes(name));
  const kept = found.map((found) => ({ ...found, ...textsOf(found, known) }));
  const random = seeded(1);
  const files = shuffled(
    kept.flatMap(({ texts }) => texts),
    random,
  );
  const characters = sum(files.map(({ text }) => text.length));
  const parts = { train: [], heldOut: [] };
  let held = 0;
  for (const file of files) {
    const isHeldOut = held < HELD_OUT * characters && file.text.length < MOST_HELD_OUT;
    if (isHeldOut) held += file.text.length;
    parts[isHeldOut ? 'heldOut' : 'train'].push(...piecesOf(file));
  }
  mkdirSync(out, { recursive: true });
  const paths = { train: path.join(out, 'train.jsonl'), heldOut: path.join(out, 'heldout.jsonl') };
  for (const [name, file] of Object.entries(paths)) {
    const pieces = shuffled(parts[name], random);
    writeWhole(file, pieces.map((piece) => `${JSON.stringify(piece)}\n`).join(''));
  }
  writeWhole(path.join(out, 'CORPUS.md'), describe(kept, { files, characters, held }));
  return { ...paths, characters, files: files.length };
}

/** Packages below a node_modules folder, those within others too; each name and version once, sorted. */
function packagesOf(folder) {
  const found = new Map();
  const visit = (modules) => {
    for (const entry of readdirSync(modules, { withFileTypes: true })) {
      const at = path.join(modules, entry.name);
      if (!entry.isDirectory() || entry.name.startsWith('.')) continue;
      if (entry.name.startsWith('@')) visit(at);
      else {
        const about = path.join(at, 'package.json');
        if (existsSync(about)) {
          const { name, version, license } = JSON.parse(readFileSync(about, 'utf8'));
          const key = `${name}@${version}`;
          if (name && version && !found.has(key)) found.set(key, { name, version, license, folder: at });
        }
        if (existsSync(path.join(at, 'node_modules'))) visit(path.join(at, 'node_modules'));
      }
    }
  };
  visit(folder);
  const free = [...found.entries()].filter(([, { license }]) => isFree(license));
  return free.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, found]) => found);
}

/** Whether one of the licences that can be chosen is free, and all that hold together are. */
const isFree = (license) =>
  typeof license === 'string' &&
  license
    .replaceAll(/[()]/g, '')
    .split(' OR ')
    .some((choice) => choice.split(' AND ').every((part) => LICENCES.includes(part)));

/** Texts of a package that are worth to be learnt from; documents first, so that the limit never cuts them. */
function textsOf({ name, folder }, known) {
  const files = shuffled(
    filesBelow(folder).filter((file) => IS_TEXT.test(file) && !SKIPPED.test(file)),
    seeded(2),
  );
  files.sort((a, b) => IS_DOCUMENT.test(b) - IS_DOCUMENT.test(a));
  const texts = [];
  let [bytes, copies] = [0, 0];
  for (const file of files) {
    if (bytes >= LIMITS.package) break;
    const text = cleaned(readFileSync(path.join(folder, file), 'utf8'), file);
    if (text === undefined) continue;
    if (isCopy(text, known)) copies++;
    else {
      texts.push({ path: `${name}/${file}`, text });
      bytes += Buffer.byteLength(text);
    }
  }
  return { texts, bytes, copies };
}

function filesBelow(folder, below = '') {
  const entries = readdirSync(path.join(folder, below), { withFileTypes: true });
  return entries
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const file = path.posix.join(below, entry.name);
      if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : filesBelow(folder, file);
      return entry.isFile() && statSync(path.join(folder, file)).size <= LIMITS.file ? [file] : [];
    });
}

/** The text without what is not worth learning; nothing for what a machine made or few people read. */
function cleaned(raw, file) {
  const kind = IS_DOCUMENT.test(file) ? 'document' : 'source';
  let text = raw
    .replace(/^\uFEFF/, '')
    .replaceAll(/\r\n?/g, '\n')
    .replaceAll(/\n?\/\/# sourceMappingURL=.*\n?$/g, '\n')
    .replaceAll(/[ \t]+$/gm, '');
  if (IS_HISTORY.test(file)) text = text.slice(0, LIMITS.history);
  if (text.length < 200 || text.includes('\0')) return undefined;
  const lines = text.split('\n');
  const short = lines.filter((line) => line.length <= LIMITS.line[kind]);
  if (lines.length - short.length > 0.005 * lines.length || text.length / lines.length > LIMITS.mean[kind])
    return undefined;
  const foreign = text.match(/[^\t\n\r -~]/g)?.length ?? 0;
  return foreign > LIMITS.foreign * text.length ? undefined : short.join('\n');
}

/** Whether the text, or most of its lines, were there before; its lines are known from now on. */
function isCopy(text, known) {
  const hash = createHash('sha256').update(text).digest('base64');
  if (known.texts.has(hash)) return true;
  known.texts.add(hash);
  const lines = text.split('\n').map((line) => line.trim());
  const telling = lines.filter((line) => line.length >= 25);
  const seen = telling.filter((line) => known.lines.has(line)).length;
  if (telling.length >= 8 && seen > LIMITS.known * telling.length) return true;
  telling.forEach((line) => known.lines.add(line));
  return false;
}

/** Cut at line ends. */
function piecesOf({ path, text }) {
  const pieces = [];
  for (let start = 0; start < text.length; ) {
    const cut = text.length - start > LIMITS.piece ? text.lastIndexOf('\n', start + LIMITS.piece) + 1 : text.length;
    const end = cut > start ? cut : text.length;
    pieces.push({ path, text: text.slice(start, end) });
    start = end;
  }
  return pieces;
}

function describe(kept, { files, characters, held }) {
  const row = ({ name, version, license, texts, bytes, copies }) =>
    `| ${name} | ${version} | ${license} | ${texts.length} | ${copies} | ${(bytes / 1e6).toFixed(2)} |`;
  const rows = kept.filter(({ texts }) => texts.length > 0).map(row);
  const text = [
    '# Corpus',
    '',
    'Source, type declarations and Markdown of packages with a permissive licence in node_modules. Files with long lines,',
    'minified files, locales, copies and near copies are left out; of a package at most' +
      ` ${LIMITS.package / 1e6} MB are kept.`,
    '',
    `${files.length} files, ${(characters / 1e6).toFixed(2)} M characters; ${((100 * held) / characters).toFixed(1)} % of them are held out, by file.`,
    '',
    '| package | version | licence | files | copies left out | MB |',
    '| --- | --- | --- | ---: | ---: | ---: |',
    ...rows,
  ];
  return `${text.join('\n')}\n`;
}

const sum = (values) => values.reduce((all, value) => all + value, 0);

/** Uniform numbers from 0 to 1 (mulberry32). */
function seeded(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function shuffled(values, random) {
  const all = [...values];
  for (let i = all.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [all[i], all[j]] = [all[j], all[i]];
  }
  return all;
}
