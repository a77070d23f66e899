/** The Python of what a panel with one answer shows. */
import type { Token } from './analysis';
import type { CodeModel } from './python';
import type { ReportAnswer, ReportMethod } from './reportPanel';
import { transformerLensCode as code } from './transformerLensCode';

const idsOf = (tokens: readonly Token[]): number[] => tokens.map(({ id }) => id);
const textOf = (tokens: readonly Token[]): string => tokens.map(({ text }) => text).join('');
const prompt = (tokens: readonly Token[]): { ids: number[]; text: string } => ({
  ids: idsOf(tokens),
  text: textOf(tokens),
});

const CODE: { [M in ReportMethod]: (model: CodeModel, answer: ReportAnswer<M>) => string } = {
  paths: (model, { result: { tokens, position, token, form, terms } }) => {
    const longest = Math.max(1, ...terms.map(({ heads = [] }) => heads.length));
    return code.paths(model, { ...prompt(tokens), position, token: token.id, form, longest });
  },
  lens: (model, { result: { tokens, k } }) => code.lens(model, { ...prompt(tokens), top: k }),
  bigrams: (model, { question: { top = 20 }, result: { token, foldNorm } }) =>
    code.bigrams(model, { top, foldNorm, ...(token && { token: token.id }) }),
  importance: (model, { result: { tokens } }) => code.importance(model, prompt(tokens)),
  patch: (model, { result: { cleanTokens, corruptedTokens, answer, wrong } }) => {
    const [clean, corrupted] = [prompt(cleanTokens), prompt(corruptedTokens)];
    return code.patch(model, { clean, corrupted, answer: answer.id, wrong: wrong.id });
  },
  ablate: (model, { result: { tokens, heads, mean } }) => code.ablate(model, { ...prompt(tokens), heads, mean }),
};

export const reportCode = <M extends ReportMethod>(method: M, model: CodeModel, answer: ReportAnswer<M>): string =>
  CODE[method](model, answer);
