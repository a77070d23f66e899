import { CancellationTokenSource } from 'vscode-jsonrpc';

export { CancellationTokenSource };

/** The little of VS Code that some parts of the host need; for tests of them in plain Node. */
export const shown: string[] = [];

/** `setContext` and the like: `[command, …arguments]`. */
export const executed: unknown[][] = [];

export const commands = {
  executeCommand: (...call: unknown[]): Promise<undefined> => {
    executed.push(call);
    return Promise.resolve(undefined);
  },
};

export enum ColorThemeKind {
  Light = 1,
  Dark = 2,
  HighContrast = 3,
  HighContrastLight = 4,
}

export enum ProgressLocation {
  Notification = 15,
}

export const window = {
  activeColorTheme: { kind: ColorThemeKind.Dark },
  showErrorMessage: (message: string): Promise<undefined> => {
    shown.push(message);
    return Promise.resolve(undefined);
  },
};

/** English: the message with its places filled. */
export const l10n = {
  bundle: undefined as Record<string, string> | undefined,
  t: (text: string | { message: string; args?: unknown[] }, ...more: unknown[]): string => {
    const { message, args = [] } = typeof text === 'string' ? { message: text, args: more } : text;
    return message.replace(/\{(\d+)\}/g, (place, at: string) => String(args[Number(at)] ?? place));
  },
};

export const env = { language: 'en' };

type Listener<T> = (value: T) => void;

export class EventEmitter<T> {
  private readonly listeners = new Set<Listener<T>>();
  readonly event = (listener: Listener<T>): { dispose(): void } => {
    this.listeners.add(listener);
    return { dispose: () => this.listeners.delete(listener) };
  };
  fire(value: T): void {
    this.listeners.forEach((listener) => listener(value));
  }
  dispose(): void {
    this.listeners.clear();
  }
}

export const Uri = { file: (fsPath: string): { fsPath: string } => ({ fsPath }) };

export class RelativePattern {
  constructor(
    readonly base: unknown,
    readonly pattern: string,
  ) {}
}

/** Files are watched by nobody: tests reload. */
export const workspace = {
  /** Nobody has changed a setting. */
  getConfiguration: (): unknown => ({ get: (_: string, value: unknown) => value }),
  createFileSystemWatcher: (): unknown => {
    const never = (): void => undefined;
    return { onDidChange: never, onDidCreate: never, onDidDelete: never, dispose: never };
  },
};
