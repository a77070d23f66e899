/** Typed notifications between this panel and the extension host. */
import { HOST_EXTENSION } from 'vscode-messenger-common';
import { Messenger } from 'vscode-messenger-webview';

interface VsCodeApi {
  postMessage(message: unknown): void;
  getState(): unknown;
  setState(state: unknown): void;
}
declare function acquireVsCodeApi(): VsCodeApi;

/** `In`, `Out`: tables of notification name → parameters. */
export interface HostLink<In, Out> {
  on<K extends keyof In & string>(method: K, handler: (params: In[K]) => void): void;
  send<K extends keyof Out & string>(method: K, params: Out[K]): void;
  /** Kept by VS Code while the panel is hidden and over a reload of the window; the host reads it when it restores the panel. */
  saveState(state: unknown): void;
  /** What was saved; undefined in a new panel. */
  savedState(): unknown;
  /** Listens from now on; handlers must be set before. */
  start(): void;
}

/** To be called once: VS Code gives its API to a webview only once. */
export function connectHost<In, Out>(): HostLink<In, Out> {
  const api = acquireVsCodeApi();
  const messenger = new Messenger(api);
  return {
    on: (method, handler) => void messenger.onNotification({ method }, (params) => handler(params as never)),
    send: (method, params) => messenger.sendNotification({ method }, HOST_EXTENSION, params),
    saveState: (state) => api.setState(state),
    savedState: () => api.getState(),
    start: () => messenger.start(),
  };
}
