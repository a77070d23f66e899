/** Python for sums over paths: a logit by its terms, and what the terms are worth. */
import { withTokens } from './python';
import type { Code } from './transformerLensCode';

/** Every part's own write through the frozen final norm. */
const frozenTerms = `scale = cache["ln_final.hook_scale"][0, -1] if model.cfg.normalization_type else 1.0
direction = model.W_U[:, token] / scale
terms = {"embedding": cache["hook_embed"][0, -1] @ direction}
if model.cfg.positional_embedding_type == "standard":
    terms["positions"] = cache["hook_pos_embed"][0, -1] @ direction
for layer in range(model.cfg.n_layers):
    z = cache[f"blocks.{layer}.attn.hook_z"][0, -1]  # [head, d_head]
    for head in range(model.cfg.n_heads):
        terms[f"L{layer}H{head}"] = z[head] @ model.W_O[layer, head] @ direction
    terms[f"L{layer} b_O"] = model.b_O[layer] @ direction
    if not model.cfg.attn_only:
        terms[f"L{layer} MLP"] = cache[f"blocks.{layer}.hook_mlp_out"][0, -1] @ direction
terms["final norm bias and b_U"] = model.b_U[token]
`;

/** Every path by itself, followed backwards from the unembedding. */
const pathTerms = (longest: number): string => `direction = model.W_U[:, token]
start = cache["hook_embed"][0]
terms = {"direct path": start[-1] @ direction}
if model.cfg.positional_embedding_type == "standard":
    terms["positions"] = cache["hook_pos_embed"][0, -1] @ direction
    start = start + cache["hook_pos_embed"][0]
last = torch.zeros(len(start))
last[-1] = 1
paths = [((), last, direction)]  # heads, weight of every source, direction in the residual stream
bias = direction  # for what is the same at every position
for layer in reversed(range(model.cfg.n_layers)):
    A = cache[f"blocks.{layer}.attn.hook_pattern"][0]
    W_V, W_O, b_V = model.W_V[layer], model.W_O[layer], model.b_V[layer]
    longer = []
    for heads, weights, reads in paths:
        if len(heads) == ${longest}:
            continue
        for head in range(model.cfg.n_heads):
            path = (f"L{layer}H{head}", *heads)
            read = W_O[head] @ reads
            moved = weights @ A[head]
            longer.append((path, moved, W_V[head] @ read))
            terms["→".join(path)] = moved @ start @ (W_V[head] @ read) + moved.sum() * (b_V[head] @ read)
    paths += longer
    terms[f"L{layer} b_O"] = model.b_O[layer] @ bias
    bias = bias + sum(W_V[head] @ (W_O[head] @ bias) for head in range(model.cfg.n_heads))
terms["b_U"] = model.b_U[token]
`;

export const paths: Code<'paths'> = (model, { ids, text, position, token, form, longest }) => `${withTokens(
  model,
  { ids: ids.slice(0, position + 1), ...(text !== undefined && { text }) },
  form === 'frozen',
)}
token = ${token}  # the logit of this token after the last of the tokens above
logits, cache = model.run_with_cache(tokens)
${form === 'frozen' ? frozenTerms : pathTerms(longest)}for name, value in sorted(terms.items(), key=lambda term: -abs(term[1])):
    print(f"{name:20} {value:.4f}")
print("sum", float(sum(terms.values())), "logit", logits[0, -1, token].item())
`;

export const importance: Code<'importance'> = (model, prompt) => `${withTokens(model, prompt, true)}
_, cache = model.run_with_cache(tokens)
norm = model.cfg.normalization_type
start = cache["hook_embed"][0]
if model.cfg.positional_embedding_type == "standard":
    start = start + cache["hook_pos_embed"][0]


def each(layer, x):  # what every head writes that reads x, patterns and norms frozen: [head, position, d_model]
    scale = cache[f"blocks.{layer}.ln1.hook_scale"][0] if norm else 1.0
    A = cache[f"blocks.{layer}.attn.hook_pattern"][0]
    return A @ (x / scale @ model.W_V[layer]) @ model.W_O[layer]


def loss(resid):
    scale = cache["ln_final.hook_scale"][0] if norm else 1.0
    log_probs = (resid / scale @ model.W_U + model.b_U).log_softmax(-1)
    return -log_probs[:-1].gather(-1, tokens[0, 1:, None]).mean().item()


orders = [start]  # orders[n]: paths through n heads
terms = {}
for layer in range(model.cfg.n_layers):
    head_bias = model.b_V[layer][:, None] @ model.W_O[layer]  # [head, 1, d_model]
    longer = [r + 0 for r in orders] + [torch.zeros_like(start)]
    for n, resid in enumerate(orders):
        longer[n + 1] += each(layer, resid).sum(0)
    longer[0] += model.b_O[layer]
    longer[1] += head_bias.sum(0)
    orders = longer
    own = each(layer, start) + head_bias
    virtual = {(*path, layer, h): w for path, x in terms.items() if len(path) == 2 for h, w in enumerate(each(layer, x))}
    terms.update(virtual)
    terms.update({(layer, h): w for h, w in enumerate(own)})
resid = torch.zeros_like(start)
for n, part in enumerate(orders):
    resid = resid + part
    print(f"paths through at most {n} heads: loss {loss(resid):.4f}")
whole = loss(resid)
effects = {path: loss(resid - w) - whole for path, w in terms.items()}
for path, effect in sorted(effects.items(), key=lambda term: -term[1]):
    print("→".join(f"L{path[i]}H{path[i + 1]}" for i in range(0, len(path), 2)), f"{effect:.4f}")
`;
