/** The little of VS Code that the engine's service shows messages with. */
export const shown: string[] = [];

export const commands = {};

export const window = {
  showErrorMessage: (message: string): Promise<undefined> => {
    shown.push(message);
    return Promise.resolve(undefined);
  },
};
