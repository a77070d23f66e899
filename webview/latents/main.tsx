/** Entry of the latents panel's bundle. */
import '@vscode/codicons/dist/codicon.css';
import '../shared/theme.css';
import '../shared/panel.css';
import '../shared/strip.css';
import '../shared/pieces.css';
import './latents.css';
import './list.css';
import './card/card.css';
import { render } from 'preact';
import { watchTheme } from '../shared/theme';
import { App } from './app';
import { startSpeech } from './speech';
import { keepState } from './state';
import { connect, dispatch } from './store';

watchTheme();
startSpeech();
keepState();
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape' && !event.defaultPrevented) dispatch({ kind: 'unlock' });
});
const root = document.createElement('div');
root.id = 'root';
document.body.append(root);
render(<App />, root);
connect();
