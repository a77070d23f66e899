/** The command line, `circuitscope`: the engine's other front door. */
import { Command, CommanderError } from 'commander';
import { version } from '../../package.json';
import { InputError } from './checkpoint/errors';
import { activationsCommand } from './cli/activations';
import { circuitCommands } from './cli/circuits';
import { codeCommand } from './cli/code';
import { importPatternsCommand } from './cli/importPatterns';
import { info } from './cli/info';
import { latentCommands } from './cli/latentCommands';
import { mcpCommand } from './cli/mcp';
import { patternsCommand } from './cli/patterns';
import { providersCommand } from './cli/providers';
import { run } from './cli/run';
import type { RunOptions } from './cli/run';
import { trainingCommands } from './cli/trainingCommands';

const HELP = `
Exit status: 0 done; 1 an error inside Circuitscope; 2 a mistake in the command, the checkpoint or the prompt (one line on stderr).

Examples:
  circuitscope info samples/attn-only-2l
  circuitscope run samples/attn-only-2l --prompt "def add(a, b):" --json
  circuitscope run samples/attn-only-2l --ids 445,514,1006 --hooks 'blocks.*.attn.hook_pattern,logits' --out acts.safetensors`;

function program(): Command {
  const root = new Command('circuitscope')
    .description('Looks into transformer checkpoints: reads them, runs a prompt, writes activations.')
    .version(version)
    .configureOutput({ outputError: (text, write) => write(mistakeLine(text.replace(/^error: /, ''))) })
    .exitOverride()
    .addHelpText('after', HELP);

  root
    .command('info')
    .description('describe a checkpoint: architecture, sizes, execution providers, hooks')
    .argument('<checkpoint>', 'folder with config.json and .safetensors, or one of these files; or a .onnx file')
    .option('--json', 'print one JSON object to stdout')
    .action(info);

  root
    .command('run')
    .description('run a prompt: surprisal, next tokens, activations')
    .argument('<checkpoint>', 'folder with config.json and .safetensors, or one of these files; or a .onnx file')
    .option('--prompt <text>', 'the prompt')
    .option('--prompt-file <file>', 'read the prompt from a UTF-8 file')
    .option('--ids <ids>', 'token ids instead of text: 1,2,3')
    .option(
      '--hooks <globs>',
      'TransformerLens hook names, separated by commas, * stands for any characters (needs --out)',
    )
    .option('--out <file>', 'write the hooks as F32 safetensors, without a batch dimension')
    .option('--json', 'print one JSON object to stdout: tokens, provider, timings in ms, predictions')
    .option('--provider <name>', 'execution provider, e.g. cpu or cuda (default: the first that starts)')
    .action((checkpoint: string, options: RunOptions) => run(checkpoint, options));
  [
    ...circuitCommands,
    ...latentCommands,
    ...trainingCommands,
    activationsCommand,
    codeCommand,
    patternsCommand,
    importPatternsCommand,
    providersCommand,
    mcpCommand,
  ].forEach((register) => register(root));
  return root;
}

/** One line, whatever the message. */
const mistakeLine = (message: string): string => `circuitscope: ${message.trim().replace(/\s*\n\s*/g, ' ')}\n`;

async function main(args: string[]): Promise<number> {
  try {
    if (args.length === 0) throw new InputError('a command is missing: info or run (see circuitscope --help)');
    await program().parseAsync(args, { from: 'user' });
    // of a command that was stopped by a signal
    return Number(process.exitCode ?? 0);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (error instanceof InputError) {
      process.stderr.write(mistakeLine(error.message));
      return 2;
    }
    process.stderr.write(`circuitscope: internal error: ${error instanceof Error ? error.stack : String(error)}\n`);
    return 1;
  }
}

// the reader of a pipe may have seen enough (`| head`)
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
void main(process.argv.slice(2)).then((code) => (process.exitCode = code));
