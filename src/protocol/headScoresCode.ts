/** Python of head scores: what the code of one model and of two share. */
/** The sequences that scores are measured on: BOS + R + R; R begins at `start` and has `length` tokens. */
export interface ScoredSequences {
  sequences: readonly number[][];
  start: number;
  length: number;
}

/** Lines that define `head_scores(model) -> {"L0H0": {name: value}}`. */
export const headScoresFunction = ({ sequences, start, length }: ScoredSequences): string =>
  `# BOS + R + R; R begins at \`start\` and has \`length\` tokens
start, length = ${start}, ${length}
sequences = torch.tensor([
${sequences.map((ids) => `    [${ids.join(', ')}],\n`).join('')}])


def ratio(a, b):  # Σλ / Σ|λ| of a b
    values = torch.linalg.eigvals(b @ a)
    return (values.sum(-1) / values.abs().sum(-1)).real


def head_scores(model):
    _, cache = model.run_with_cache(sequences, names_filter=lambda name: name.endswith("hook_pattern"))
    found = {}
    for layer in range(model.cfg.n_layers):
        pattern = cache[f"blocks.{layer}.attn.hook_pattern"]  # [sequence, head, destination, source]

        def back(offset, first):  # attention to the token \`offset\` before, mean over destinations from \`first\`
            return pattern.diagonal(-offset, 2, 3)[..., first - offset :].mean((0, 2))

        later = pattern[:, :, 1:]
        scores = {
            "previous token": back(1, 1),
            "duplicate token": back(length, start + length),
            "induction": back(length - 1, start + length),
            "first token": later[..., 0].mean((0, 2)),
            "entropy (bits)": torch.special.entr(later).sum(-1).mean((0, 2)) / torch.tensor(2.0).log(),
            "OV copying": ratio(model.W_V[layer], model.W_O[layer] @ (model.W_U @ model.W_E)),
            "QK matching": ratio(model.W_Q[layer], model.W_K[layer].mT @ (model.W_E.T @ model.W_E)),
        }
        for head in range(model.cfg.n_heads):
            found[f"L{layer}H{head}"] = {name: value[head].item() for name, value in scores.items()}
    return found
`;
