/** Names that activation needs without the code behind them. */

/** The editor of `.safetensors` files, as in package.json. */
export const SAFETENSORS_VIEW = 'circuitscope.safetensors';
/** The editor of `.circuitscope.json`, as in package.json. */
export const RESULT_EDITOR = 'circuitscope.result';
/** Key of the workspace's state: trainings that have not come to their end. */
export const UNFINISHED_TRAININGS = 'circuitscope.unfinishedTrainings';
