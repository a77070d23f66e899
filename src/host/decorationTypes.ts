import * as vscode from 'vscode';
import { tintAlpha, TINT_FROM } from '../protocol/tokens';

/** Steps of the tint: a decoration type each, as opacity cannot be given per range. */
const TINTS = 12;
/** ui/README, Colour: the tint of dark and of light themes. */
const TINT = { dark: '65, 182, 196', light: '29, 145, 192' };
const LOCK_FILL = { dark: 'rgba(229, 165, 75, 0.16)', light: 'rgba(180, 95, 6, 0.16)' };

export interface DecorationTypes extends vscode.Disposable {
  analyzed: vscode.TextEditorDecorationType;
  locked: vscode.TextEditorDecorationType;
  hovered: vscode.TextEditorDecorationType;
  same: vscode.TextEditorDecorationType;
  /** From weak to strong. */
  tints: vscode.TextEditorDecorationType[];
}

const isHighContrast = (kind: vscode.ColorThemeKind): boolean =>
  kind === vscode.ColorThemeKind.HighContrast || kind === vscode.ColorThemeKind.HighContrastLight;

/** The step of a weight of 0–1; undefined when it is too weak to be tinted. */
export const tintStep = (weight: number): number | undefined =>
  weight < TINT_FROM ? undefined : Math.min(TINTS - 1, Math.floor(weight * TINTS));

/** The decoration types for a kind of theme: high contrast adds an outline to every tint. */
export function createDecorationTypes(kind: vscode.ColorThemeKind): DecorationTypes {
  const create = (options: vscode.DecorationRenderOptions): vscode.TextEditorDecorationType =>
    vscode.window.createTextEditorDecorationType({
      rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
      ...options,
    });
  const outline = isHighContrast(kind)
    ? { border: '1px solid', borderColor: new vscode.ThemeColor('contrastActiveBorder') }
    : {};
  const tint = (step: number): vscode.TextEditorDecorationType => {
    const colour = (theme: 'dark' | 'light'): vscode.ThemableDecorationRenderOptions => ({
      backgroundColor: `rgba(${TINT[theme]}, ${tintAlpha((step + 1) / TINTS, theme === 'dark').toFixed(3)})`,
    });
    return create({ borderRadius: '2px', dark: colour('dark'), light: colour('light'), ...outline });
  };
  const tints = Array.from({ length: TINTS }, (_, step) => tint(step));
  const types = {
    analyzed: create({
      isWholeLine: true,
      gutterIconPath: gutterMark(),
      gutterIconSize: 'contain',
      overviewRulerColor: new vscode.ThemeColor('circuitscope.tint'),
      overviewRulerLane: vscode.OverviewRulerLane.Left,
    }),
    locked: create({
      border: '1px solid',
      borderColor: new vscode.ThemeColor('circuitscope.lock'),
      borderRadius: '2px',
      dark: { backgroundColor: LOCK_FILL.dark },
      light: { backgroundColor: LOCK_FILL.light },
    }),
    hovered: create({
      border: '1px solid',
      borderColor: new vscode.ThemeColor('editor.foreground'),
      borderRadius: '2px',
    }),
    same: create({
      borderColor: new vscode.ThemeColor('circuitscope.lock'),
      border: 'solid',
      borderWidth: '0 0 1px 0',
    }),
    tints,
  };
  const all = [types.analyzed, types.locked, types.hovered, types.same, ...tints];
  return { ...types, dispose: () => all.forEach((type) => type.dispose()) };
}

/** A thin bar; one colour that stands on light and dark gutters. */
function gutterMark(): vscode.Uri {
  const svg =
    '<svg xmlns="http://www.w3.org/2000/svg" width="16" height="32" viewBox="0 0 16 32">' +
    `<rect x="11" width="2" height="32" fill="rgb(${TINT.light})"/></svg>`;
  return vscode.Uri.parse(`data:image/svg+xml;base64,${Buffer.from(svg).toString('base64')}`);
}
