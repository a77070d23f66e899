/** A file that is one UTF-8 text, read in stretches. */
import { PART_CHARACTERS, partEnd } from '../documents';
import { fileBytes } from './bytes';
import type { Reader } from './types';
import * as savedNotices from '../savedNotices';

/** As git tells text from other files: no zero byte among the first. */
const LOOKED_AT = 8000;

export const plainText: Reader = async function* (file, { notice }) {
  const decoder = new TextDecoder();
  let [rest, first, bytes] = ['', true, 0];
  for await (const { data, read } of fileBytes(file)) {
    if (bytes === 0 && data.subarray(0, LOOKED_AT).includes(0)) {
      notice(savedNotices.notText(file.name));
      return;
    }
    bytes = read;
    rest += decoder.decode(data, { stream: true });
    // whole parts, so that they are those of the text as one
    while (rest.length > PART_CHARACTERS) {
      const end = partEnd(rest, 0);
      yield { text: rest.slice(0, end), first, row: 0, bytes };
      [rest, first] = [rest.slice(end), false];
    }
  }
  rest += decoder.decode();
  yield { text: rest, first, row: 0, bytes };
};
