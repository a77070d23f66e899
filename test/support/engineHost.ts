/** A host that starts an engine (its path is the argument), tells the engine's pid, and leaves it in a long run. */
import { EngineClient } from '../../src/host/engineClient';

const client = new EngineClient(process.argv[2]!, ({ message }) => console.error(message));
void client.start().then(({ pid }) => {
  if (process.argv[3] === 'block') void client.request('analyze', { checkpointId: '', text: 'block', topK: 1 });
  setTimeout(() => console.log(pid), 200);
});
