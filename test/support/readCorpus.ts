/** Reads the corpus in a folder (`node --expose-gc`); prints how much it was and the most that was held at any time. */
import { documents } from '../../src/engine/mlsae/corpus/documents';
import { corpusFiles } from '../../src/engine/mlsae/corpus/files';

/** Collected first: what a process takes besides is when V8 happens to collect, and differs from run to run. */
function held(): number {
  globalThis.gc!();
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  return heapUsed + Math.max(external, arrayBuffers);
}

async function main(folder: string): Promise<void> {
  const files = await corpusFiles({ folder, globs: ['*'] });
  const before = held();
  let [parts, characters, most] = [0, 0, 0];
  for await (const { text } of documents(files, {})) {
    if (parts++ % 500 === 0) most = Math.max(most, held() - before);
    characters += text.length;
  }
  process.stdout.write(JSON.stringify({ parts, characters, most: Math.max(most, held() - before) }));
}
void main(process.argv[2]!);
