/** Parts of the host as `features.ts` sets them up in a Chinese VS Code; bundled by its test with `vscode` replaced by `fakeVscode.ts`. */
import './chinese';
import '../../src/host/language';
export { EngineClient } from '../../src/host/engineClient';
export { layersText } from '../../src/protocol/latents/focus';
export { readResult } from '../../src/protocol/readResult';
export { fileChanges } from '../../src/protocol/resultCheck';
export { stepWords } from '../../src/protocol/steps';
