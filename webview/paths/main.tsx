/** Entry of the Paths panel's bundle. */
import '@vscode/codicons/dist/codicon.css';
import '../shared/theme.css';
import '../shared/panel.css';
import '../shared/strip.css';
import '../shared/pieces.css';
import '../shared/report.css';
import './paths.css';
import { mountReport } from '../shared/reportFrame';
import { App } from './app';
import { report } from './store';

mountReport(report, App);
