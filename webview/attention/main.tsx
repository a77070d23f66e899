/** Entry of the attention panel's bundle. */
import '@vscode/codicons/dist/codicon.css';
import '../shared/theme.css';
import '../shared/panel.css';
import '../shared/strip.css';
import '../shared/pieces.css';
import '../shared/steps.css';
import './attention.css';
import './prompt.css';
import './heads.css';
import './heat.css';
import { render } from 'preact';
import { watchTheme } from '../shared/theme';
import { App } from './app';
import { exportPng } from './exportPng';
import { startSpeech } from './speech';
import { connect, dispatch } from './store';

watchTheme();
startSpeech();
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') dispatch({ kind: 'unlock' });
});
const root = document.createElement('div');
root.id = 'root';
document.body.append(root);
render(<App />, root);
connect(() => void exportPng());
