/** What a sentence for a person must not look like. */

const INTERNALS = [
  /Cannot (read|set|convert|mix|destructure|access|assign)/,
  /is not (a function|iterable|a constructor|defined|extensible|callable)/,
  /\bundefined\b/,
  /Maximum call stack|Invalid (array|string|typed array) length|Array buffer allocation|out of memory|bad alloc/i,
  /ONNX ?Runtime ?Error|onnxruntime|\bORT\b|non-zero status code|Status Message|ShapeInferenceError|TypeInferenceError/i,
  /\bat .+\.(js|ts|mjs|cjs):\d+/,
  /\[object |Symbol\(/,
  /\bERR_[A-Z_]+|\b(EISDIR|ENOENT|EACCES|ELOOP|EINVAL|ENAMETOOLONG|ENOTDIR)\b/,
  /value out of range|must be of type|offset is out of bounds|must be .* in range|RangeError|TypeError|SyntaxError/,
];
/** A name or a path of the person's may take a part of it. */
const MAX_LENGTH = 900;

/** What is wrong with the sentence, if anything. */
export function blame(sentence: string): string | undefined {
  const internal = INTERNALS.find((each) => each.test(sentence));
  if (internal) return `it speaks of internals (${String(internal)})`;
  if (sentence.length > MAX_LENGTH) return `it has ${sentence.length} characters`;
  if (/[\r\n\u2028\u0000]/.test(sentence)) return 'it has more than one line';
  if (!/[.!?”)]$/.test(sentence)) return 'it does not end like a sentence';
  return undefined;
}
