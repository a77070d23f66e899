/** Notebook renderer ↔ host: any message asks for the texts of VS Code's language, this one has them. */
export interface NotebookTexts {
  /** Empty: English. */
  texts: Record<string, string>;
}

/** As in package.json. */
export const NOTEBOOK_RENDERER = 'circuitscope.notebook';

/** The texts of a message; undefined where it has none. */
export function textsOf(message: unknown): NotebookTexts['texts'] | undefined {
  const { texts } = Object(message) as Partial<NotebookTexts>;
  return typeof texts === 'object' && texts !== null ? texts : undefined;
}
