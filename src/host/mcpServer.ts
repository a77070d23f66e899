/** The same tools for agents that speak the Model Context Protocol: VS Code starts `circuitscope mcp` for them. */
import * as vscode from 'vscode';

/** As in package.json. */
const ID = 'circuitscope.mcp';

/** Of VS Code 1.101 and later; the types that are used are those of the oldest that the extension runs in. */
interface McpApi {
  lm?: {
    registerMcpServerDefinitionProvider?(
      id: string,
      provider: { provideMcpServerDefinitions(): McpDefinition[] },
    ): vscode.Disposable;
  };
  McpStdioServerDefinition?: new (
    label: string,
    command: string,
    args: string[],
    env: Record<string, string>,
    version: string,
  ) => McpDefinition;
}
export interface McpDefinition {
  label: string;
  command: string;
  args: string[];
  env: Record<string, string | number | null>;
  cwd?: vscode.Uri;
}

/** @param cliPath the command line of the extension, which runs in the editor's own Node */
export function registerMcpServer(cliPath: string, version: string): vscode.Disposable {
  const { lm } = vscode as McpApi;
  if (!lm?.registerMcpServerDefinitionProvider) return new vscode.Disposable(() => undefined);
  return lm.registerMcpServerDefinitionProvider(ID, {
    provideMcpServerDefinitions: () => mcpDefinitions(cliPath, version),
  });
}

/** None where VS Code is too old for them. */
export function mcpDefinitions(cliPath: string, version: string): McpDefinition[] {
  const { McpStdioServerDefinition } = vscode as McpApi;
  if (!McpStdioServerDefinition) return [];
  // Electron is a plain Node then
  const env = { ELECTRON_RUN_AS_NODE: '1' };
  const server = new McpStdioServerDefinition('Circuitscope', process.execPath, [cliPath, 'mcp'], env, version);
  const folder = vscode.workspace.workspaceFolders?.[0];
  // relative paths are looked for there
  if (folder) server.cwd = folder.uri;
  return [server];
}
