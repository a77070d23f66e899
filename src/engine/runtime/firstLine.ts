/** ONNX Runtime's message without the place in its source and the name of its function. */
export function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const line = text
    .split('\n')[0]!
    .trim()
    .replace(/^.* was false\. /, '')
    .replace(/^\w+: /, '');
  return line.length > 200 ? `${line.slice(0, 200)}…` : line;
}
