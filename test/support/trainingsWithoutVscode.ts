/** The host's trainings, bundled by their test with `vscode` replaced by `fakeVscode.ts`. */
export { exportHistory } from '../../src/host/exportHistory';
export { TrainingHistory } from '../../src/host/trainingHistory';
export { Trainings } from '../../src/host/trainings';
