/** Parts of the host, bundled by their tests with `vscode` replaced by `fakeVscode.ts`. */
export { Encodings } from '../../src/host/encodings';
export { EngineCancelledError } from '../../src/host/engineClient';
export { latentTable, latentsSection } from '../../src/host/hoverLatents';
export { LatentNamesFile, parseNames, withName } from '../../src/host/latentNames';
export { SelectionStore } from '../../src/host/selection';
export { executed, shown } from './fakeVscode';
