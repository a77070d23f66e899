/** Entry of the term importance panel's bundle. */
import '@vscode/codicons/dist/codicon.css';
import '../shared/theme.css';
import '../shared/panel.css';
import '../shared/pieces.css';
import '../shared/report.css';
import './importance.css';
import { mountReport } from '../shared/reportFrame';
import { App } from './app';
import { report } from './store';

mountReport(report, App);
