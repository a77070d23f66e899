/** Reads the corpus in a folder; prints how much it was and the memory that it took. */
import { documents } from '../../src/engine/mlsae/corpus/documents';
import { corpusFiles } from '../../src/engine/mlsae/corpus/files';

async function main(folder: string): Promise<void> {
  const files = await corpusFiles({ folder, globs: ['*'] });
  const before = process.memoryUsage().rss;
  let [parts, characters] = [0, 0];
  for await (const { text } of documents(files, {})) {
    parts++;
    characters += text.length;
  }
  const peak = process.resourceUsage().maxRSS * 1024;
  process.stdout.write(JSON.stringify({ parts, characters, before, peak }));
}
void main(process.argv[2]!);
