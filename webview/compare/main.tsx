/** Entry of the compare panel's bundle. */
import '@vscode/codicons/dist/codicon.css';
import '../shared/theme.css';
import '../shared/panel.css';
import '../shared/pieces.css';
import '../shared/report.css';
import '../shared/strip.css';
import '../shared/bars.css';
import '../shared/steps.css';
import './compare.css';
import { render } from 'preact';
import { watchTheme } from '../shared/theme';
import { App } from './app';
import { connect, dispatch } from './store';

watchTheme();
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape' && !event.defaultPrevented) dispatch({ kind: 'unlock' });
});
const root = document.createElement('div');
root.id = 'root';
document.body.append(root);
render(<App />, root);
connect();
