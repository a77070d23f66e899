/**
 * A process of its own that tries one execution provider: `probe.js PROVIDER`. A driver that crashes or hangs takes this process
 * along and nothing else.
 */
import { env } from 'onnxruntime-node';
import { firstLine } from './runtime/firstLine';
import { probeProvider, type Probe } from './runtime/probeGraph';

export type ProbeAnswer = Probe | { error: string };

// what devices there are is in ONNX Runtime's log alone
env.logLevel = 'info';
process.on('disconnect', () => process.exit());

const answer = (value: ProbeAnswer): void => void process.send?.(value, () => process.exit());
probeProvider(process.argv[2] ?? 'cpu').then(answer, (error: unknown) => answer({ error: firstLine(error) }));
