/** The engine's service, bundled by its test with `vscode` replaced by `fakeVscode.ts`. */
export { EngineService } from '../../src/host/engineService';
export { shown } from './fakeVscode';
