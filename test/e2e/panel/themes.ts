/** VS Code's own variables in the themes that the panel is looked at in; only what the panel reads. */
const FONTS = {
  'font-family': 'system-ui, "Ubuntu", "Droid Sans", sans-serif',
  'editor-font-family': '"Droid Sans Mono", "DejaVu Sans Mono", monospace',
};

const DARK = {
  'editor-background': '#1f1f1f',
  'editor-foreground': '#cccccc',
  foreground: '#cccccc',
  descriptionForeground: '#9d9d9d',
  'panel-border': '#2b2b2b',
  focusBorder: '#0078d4',
  'list-inactiveSelectionBackground': '#37373d',
  'list-hoverBackground': '#2a2d2e',
  'editorWidget-background': '#202020',
  'editorWidget-border': '#454545',
  'widget-shadow': '#0000005c',
  'input-background': '#313131',
  'input-border': '#3c3c3c',
  'textLink-foreground': '#4daafc',
  'button-background': '#0078d4',
  'button-foreground': '#ffffff',
  'button-secondaryBackground': '#313131',
  'button-secondaryForeground': '#cccccc',
  'toolbar-hoverBackground': '#5a5d5e50',
  errorForeground: '#f85149',
  'editorWarning-foreground': '#cca700',
  'progressBar-background': '#0078d4',
  'circuitscope-lock': '#e5a54b',
  'circuitscope-tint': '#41b6c4',
};

const LIGHT = {
  ...DARK,
  'editor-background': '#ffffff',
  'editor-foreground': '#3b3b3b',
  foreground: '#3b3b3b',
  descriptionForeground: '#616161',
  'panel-border': '#e5e5e5',
  focusBorder: '#005fb8',
  'list-inactiveSelectionBackground': '#e4e6f1',
  'list-hoverBackground': '#f2f2f2',
  'editorWidget-background': '#f8f8f8',
  'editorWidget-border': '#c8c8c8',
  'widget-shadow': '#00000029',
  'input-background': '#ffffff',
  'input-border': '#cecece',
  'textLink-foreground': '#005fb8',
  'button-background': '#005fb8',
  'button-secondaryBackground': '#e5e5e5',
  'button-secondaryForeground': '#3b3b3b',
  'circuitscope-lock': '#b45f06',
  'circuitscope-tint': '#1d91c0',
};

const CONTRAST = {
  'editor-background': '#000000',
  'editor-foreground': '#ffffff',
  foreground: '#ffffff',
  descriptionForeground: '#ffffffb3',
  focusBorder: '#f38518',
  contrastBorder: '#6fc3df',
  contrastActiveBorder: '#f38518',
  'editorWidget-background': '#0c141f',
  'editorWidget-border': '#6fc3df',
  'input-background': '#000000',
  'textLink-foreground': '#21a6ff',
  'button-foreground': '#ffffff',
  'circuitscope-lock': '#e5a54b',
  'circuitscope-tint': '#41b6c4',
};

const CONTRAST_LIGHT = {
  ...CONTRAST,
  'editor-background': '#ffffff',
  'editor-foreground': '#292929',
  foreground: '#292929',
  descriptionForeground: '#292929b3',
  focusBorder: '#006bbd',
  contrastBorder: '#0f4a85',
  contrastActiveBorder: '#006bbd',
  'editorWidget-background': '#ffffff',
  'editorWidget-border': '#0f4a85',
  'input-background': '#ffffff',
  'textLink-foreground': '#0f4a85',
  'circuitscope-lock': '#b45f06',
  'circuitscope-tint': '#1d91c0',
};

/** Class of the body in a VS Code webview → its variables without `--vscode-`. */
export const THEMES: Record<string, Record<string, string>> = {
  'vscode-dark': { ...FONTS, ...DARK },
  'vscode-light': { ...FONTS, ...LIGHT },
  'vscode-high-contrast': { ...FONTS, ...CONTRAST },
  'vscode-high-contrast-light': { ...FONTS, ...CONTRAST_LIGHT },
};
