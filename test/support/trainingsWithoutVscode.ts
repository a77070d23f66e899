/** The host's trainings, bundled by their test with `vscode` replaced by `fakeVscode.ts`. */
export { newestCheckpoint } from '../../src/host/trainingFolders';
export { TrainingHistory } from '../../src/host/trainingHistory';
export { Trainings } from '../../src/host/trainings';
