/** Entry of the bundle of the page that a `.circuitscope.json` opens as. */
import '@vscode/codicons/dist/codicon.css';
import '../shared/theme.css';
import '../shared/panel.css';
import '../shared/pieces.css';
import '../shared/report.css';
import './result.css';
import { render } from 'preact';
import { watchTheme } from '../shared/theme';
import { App } from './app';
import { connect } from './store';

watchTheme();
const root = document.createElement('div');
root.id = 'root';
document.body.append(root);
render(<App />, root);
connect();
