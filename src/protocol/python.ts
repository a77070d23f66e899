/** Python source: literals, and the lines that open a checkpoint with TransformerLens. */

/** A Python string literal on one line; what could hide or break a line is escaped. */
export function pythonString(text: string): string {
  // JSON's escapes mean the same in Python
  return JSON.stringify(text).replace(
    /[\p{C}\p{Zl}\p{Zp}]/gu,
    (c) => `\\U${c.codePointAt(0)!.toString(16).padStart(8, '0')}`,
  );
}

const WIDE = 20;

/** `[1, 2, 3]`; long ones over several lines. */
export function pythonList(numbers: readonly number[]): string {
  const rows = Array.from({ length: Math.ceil(numbers.length / WIDE) }, (_, i) =>
    numbers.slice(i * WIDE, (i + 1) * WIDE).join(', '),
  );
  return rows.length > 1 ? `[\n    ${rows.join(',\n    ')},\n]` : `[${rows.join('')}]`;
}

export const pythonBool = (value: boolean): string => (value ? 'True' : 'False');

/** What the code must know of the checkpoint. */
export interface CodeModel {
  /** Its folder. */
  path: string;
  /** `model_type` of its config.json. */
  architecture: string;
  nLayers: number;
  nHeads: number;
}

const process = (fold: boolean): string =>
  `fold_ln=${pythonBool(fold)}, center_writing_weights=False, center_unembed=False, fold_value_biases=False`;

/** Toy models lie in TransformerLens's own names. */
const attentionOnly = (path: string, fold: boolean): string => `import json
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformer_lens import HookedTransformer, HookedTransformerConfig

torch.set_grad_enabled(False)

path = Path(${pythonString(path)})
config = json.loads((path / "config.json").read_text(encoding="utf-8"))
if not config.get("d_head"):
    config["d_head"] = config["d_model"] // config.get("n_heads", 1)
fields = HookedTransformerConfig.__dataclass_fields__
model = HookedTransformer(HookedTransformerConfig(**{key: value for key, value in config.items() if key in fields}))
weights = {name: w.float() for file in sorted(path.glob("*.safetensors")) for name, w in load_file(file).items()}
model.load_and_process_state_dict(
    weights, ${process(fold)}
)
`;

/** `HookedTransformer.from_pretrained` takes only the names on its own list: these are its steps, for a folder. */
const huggingFace = (path: string, fold: boolean): string => `import json
from pathlib import Path

import torch
import transformer_lens.loading_from_pretrained as loading
from transformer_lens import HookedTransformer
from transformers import AutoModelForCausalLM

torch.set_grad_enabled(False)

# from_pretrained takes only names on its own list; these are its steps for a folder
path = ${pythonString(path)}
config = json.loads((Path(path) / "config.json").read_text(encoding="utf-8"))
hf_model = AutoModelForCausalLM.from_pretrained(path, torch_dtype=torch.float32)
cfg = loading.get_pretrained_model_config(path, hf_cfg=hf_model.config.to_dict(), device="cpu", dtype=torch.float32)
cfg.tokenizer_name = None  # token ids are given below
cfg.rotary_base = config.get("rope_theta") or config.get("rotary_emb_base") or cfg.rotary_base
model = HookedTransformer(cfg)
model.load_and_process_state_dict(
    loading.get_pretrained_state_dict(path, cfg, hf_model),
    ${process(fold)},
)
`;

/** Lines that leave `model`, a HookedTransformer whose hooks are as Circuitscope's. @param fold norms into weights, as `fold_ln` */
export function openModel({ path, architecture }: CodeModel, fold: boolean): string {
  if (architecture === 'attn_only') return attentionOnly(path, fold);
  if (!/^onnx\b/.test(architecture)) return huggingFace(path, fold);
  const note = '# TransformerLens reads no .onnx: give the folder of the checkpoint that it was exported from\n';
  return note + huggingFace('path/to/the/checkpoint', fold);
}

/** Lines that leave `a` and `b`, two checkpoints of one shape, opened as `openModel` does. */
export function openTwo(a: CodeModel, b: CodeModel, fold: boolean): string {
  const [begin = '', first, rest = ''] = openModel(a, fold).split(PATH_LINE);
  const [, second] = openModel(b, fold).split(PATH_LINE);
  return `${begin.trimEnd()}\n\n\ndef opened(path):\n${indented(rest)}    return model\n\n\na = opened(${first})\nb = opened(${second})\n`;
}
const PATH_LINE = /\npath = (.*)\n/;

/** Statements, one level deeper. */
export const indented = (lines: string): string => lines.replace(/^(?=.)/gm, '    ');

/** A prompt as the tokens that were read; the text is said in a comment. */
export function tokensLine(ids: readonly number[], text?: string, name = 'tokens'): string {
  const comment = text === undefined ? '' : `# ${pythonString([...text].slice(0, 100).join(''))}\n`;
  return `${comment}${name} = torch.tensor([${pythonList(ids)}])\n`;
}

export interface CodePrompt {
  ids: readonly number[];
  /** For a comment. */
  text?: string;
}

/** The model as it is, and a prompt. */
export const withTokens = (model: CodeModel, { ids, text }: CodePrompt, fold = false): string =>
  `${openModel(model, fold)}\n${tokensLine(ids, text)}`;
