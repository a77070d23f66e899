import * as l10n from '@vscode/l10n';
/** What ONNX Runtime's errors say, without where in its own code they were made. */

const STRIPPED: [RegExp, string][] = [
  [/\n[\s\S]*$/, ''],
  [/^\[ONNXRuntimeError\] : \d+ : \w+ : /, ''],
  [/Load model from .* failed:\s*/, ''],
  // C++: file, line, signature, and the condition that was checked
  [/\S*\.(?:cc|h|hpp|cpp):\d+ (?:[^()]*\([^()]*\)(?: const)? (?:\[with [^\]]*\] )?)?/g, ''],
  [/^(.*: )?\S.{0,200}? was false\. ?/, '$1'],
  [/\[\w*Error\] ?/g, ''],
  [/Non-zero status code returned while running (\S+) node\. Name:'([^']*)' Status Message: ?/, 'node $2 ($1): '],
];
/** Enough to find the node. */
const LENGTH = 350;

/** One line, which no full stop ends. */
export function runtimeReason(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const text = STRIPPED.reduce((rest, [pattern, by]) => rest.replace(pattern, by), message.trim());
  const short = text.length > LENGTH ? `${text.slice(0, LENGTH)}…` : text;
  return short.replace(/[\s.:]+$/, '') || l10n.t('it does not say why');
}
