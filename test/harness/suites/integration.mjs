import { exitOnSignals, main } from '../common.mjs';
import { runIntegration } from '../integration.mjs';

exitOnSignals();
await main(runIntegration);
