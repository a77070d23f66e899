// What the measurements told, as test/bench/results.json and as the tables between two marks in docs/performance.md.
import { appendFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { root, say, SetupError } from './common.mjs';

const RESULTS = path.join('test', 'bench', 'results.json');
const PAGE = path.join('docs', 'performance.md');
const MARKS = ['<!-- bench: begin -->', '<!-- bench: end -->'];

export const record = (file, value) => appendFileSync(file, `${JSON.stringify(value)}\n`);

/** @param {string} lines one record in each */
export async function writeResults(lines) {
  const all = lines
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  const of = (wanted) => all.filter(({ kind }) => kind === wanted).map(({ kind: _kind, ...rest }) => rounded(rest));
  const [machine] = of('machine');
  if (!machine) throw new SetupError('the machine was not measured: nothing is written.');
  const results = { date: new Date().toISOString(), machine, measures: of('measure'), growth: of('growth') };
  await write(RESULTS, JSON.stringify(results));
  const page = readFileSync(path.join(root, PAGE), 'utf8');
  const [from, to] = MARKS.map((mark) => page.indexOf(mark));
  if (from < 0 || to < from)
    throw new SetupError(`${PAGE} lacks the marks ${MARKS.join(' and ')}: the tables are not written.`);
  await write(PAGE, `${page.slice(0, from + MARKS[0].length)}\n\n${tables(results)}\n\n${page.slice(to)}`);
  say(`wrote ${RESULTS} and ${PAGE}`);
}

/** Formatted as the repository is, and never half written. */
async function write(file, text) {
  const { format, resolveConfig } = await import('prettier');
  const place = path.join(root, file);
  const draft = `${place}.${process.pid}`;
  writeFileSync(draft, await format(text, { ...(await resolveConfig(place)), filepath: place }));
  renameSync(draft, place);
}

const rounded = (value) =>
  typeof value === 'number'
    ? Number(value.toPrecision(4))
    : Array.isArray(value)
      ? value.map(rounded)
      : value && typeof value === 'object'
        ? Object.fromEntries(Object.entries(value).map(([key, each]) => [key, key === 'flop' ? each : rounded(each)]))
        : value;

const short = (value) => (value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toPrecision(3));
const row = (cells) => `| ${cells.join(' | ')} |`;
const table = (head, rows) => [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n');

function tables({ date, machine, measures, growth }) {
  const { cores, processor, memoryGB, platform, versions, gemmGFlops, readGBs, copyGBs, freshCopyGBs } = machine;
  const measured = measures.filter(({ skipped }) => !skipped);
  const notes = measured.filter(({ note }) => note);
  return [
    `Measured ${date.slice(0, 10)} on ${platform}, ${cores} cores (${processor}), ${memoryGB.toFixed(0)} GB; onnxruntime-node ${versions.onnxruntime}, Node ${versions.node}.`,
    `What the machine can do: matrix products ${gemmGFlops.toFixed(0)} GFLOP/s; memory is read at ${readGBs.toFixed(1)} GB/s by all threads, copied at ${copyGBs.toFixed(1)} GB/s by one (read and written), at ${freshCopyGBs.toFixed(1)} GB/s into memory that is new to the process.`,
    table(
      ['measure', 'here', 'beside it', 'ratio', 'goal', 'of the limit'],
      measures.map((measure) => cells(measure, machine)),
    ),
    ...(notes.length > 0
      ? [notes.map(({ name, note, beside }) => `- ${name}${beside ? `, beside ${beside}` : ''}: ${note}.`).join('\n')]
      : []),
    'How times grow (small models; exponent between the first and the last size):',
    table(['what', 'sizes', 'ms', 'exponent'], growth.map(grown)),
  ].join('\n\n');
}

function cells({ name, value, unit, beside, besideValue, ratio, goal, met, skipped, flop }, machine) {
  if (skipped) return [name, `not measured: ${skipped}`, beside ?? '', '', goal ?? '', ''];
  const share = (ms) => `${((100 * ms) / value).toFixed(0)} %`;
  return [
    name,
    `${short(value)} ${unit}`,
    besideValue === undefined ? (beside ?? '') : `${beside}: ${short(besideValue)} ${unit}`,
    ratio === undefined ? '' : short(ratio),
    goal ? `${goal}${met ? '' : ': **missed**'}` : '',
    flop && unit === 'ms' ? `products ${share(flop / machine.gemmGFlops / 1e6)}` : '',
  ];
}

function grown({ name, sizes, values }) {
  const exponent = Math.log(values.at(-1) / values[0]) / Math.log(sizes.at(-1) / sizes[0]);
  return [name, sizes.join(', '), values.map(short).join(', '), exponent.toFixed(2)];
}

/** Of a zip: its top parts with their sizes in MB, packed and unpacked, largest first. */
export function sizesIn(zip) {
  const parts = new Map();
  const end = zip.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  let at = zip.readUInt32LE(end + 16);
  for (let left = zip.readUInt16LE(end + 10); left > 0; left--) {
    const [packed, size] = [zip.readUInt32LE(at + 20), zip.readUInt32LE(at + 24)];
    const [name, extra, comment] = [28, 30, 32].map((offset) => zip.readUInt16LE(at + offset));
    const part = partOf(zip.toString('utf8', at + 46, at + 46 + name));
    const known = parts.get(part) ?? { packed: 0, size: 0 };
    parts.set(part, { packed: known.packed + packed, size: known.size + size });
    at += 46 + name + extra + comment;
  }
  const mb = (bytes) => (bytes / 1e6).toFixed(bytes < 1e5 ? 2 : 1);
  return [...parts]
    .sort(([, a], [, b]) => b.packed - a.packed)
    .map(([name, { packed, size }]) => ({ name, packed: mb(packed), size: mb(size) }));
}

/** `extension/node_modules/onnxruntime-node/…` is ONNX Runtime; else the folder, or the file of dist/. */
function partOf(file) {
  const [top, folder, next] = file.split('/');
  if (top !== 'extension') return 'manifest';
  if (folder === 'node_modules') return next;
  return folder === 'dist' ? `dist/${next}` : ['samples', 'media'].includes(folder) ? folder : 'texts and manifest';
}
