"""GPT-2-, GPT-NeoX- and Llama-shaped models in plain PyTorch, and the toy models of the Framework paper.

Weights have the names that Hugging Face's and TransformerLens's checkpoints have. The forward passes take the same steps
as the models that people export (Conv1D as addmm, split or sliced QKV, cached causal masks and Where, rotate-half,
baddbmm onto zeros, expanded key/value heads, norms in float32), so that the traced graphs look like theirs.

Every model is called with (input_ids, attention_mask, position_ids, past): all but the ids may be None. It returns
logits and, for past, the keys and values of every layer.
"""
import math

import torch
from torch import nn


class Conv1D(nn.Module):
    """GPT-2's linear layer: weight [in, out]."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_in, n_out))
        self.bias = nn.Parameter(torch.empty(n_out))

    def forward(self, x):
        shape = x.size()[:-1] + (self.weight.size(1),)
        return torch.addmm(self.bias, x.view(-1, x.size(-1)), self.weight).view(shape)


def triangle(n, dtype=torch.bool):
    return torch.tril(torch.ones((n, n), dtype=dtype)).view(1, 1, n, n)


def padding_bias(attention_mask, dtype):
    """0 for a token, the lowest number for padding. [batch, 1, 1, source]"""
    return (1.0 - attention_mask[:, None, None, :].to(dtype)) * torch.finfo(dtype).min


def gelu_new(x):
    return 0.5 * x * (1.0 + torch.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * torch.pow(x, 3.0))))


ACTIVATIONS = {"gelu": nn.functional.gelu, "gelu_new": gelu_new, "silu": nn.functional.silu, "relu": nn.functional.relu}


def rotate_half(x):
    half = x.shape[-1] // 2
    return torch.cat((-x[..., half:], x[..., :half]), dim=-1)


# GPT-2


class Gpt2Attention(nn.Module):
    def __init__(self, c):
        super().__init__()
        d = c["n_embd"]
        self.heads, self.d_head = c["n_head"], d // c["n_head"]
        self.c_attn, self.c_proj = Conv1D(d, 3 * d), Conv1D(d, d)
        self.register_buffer("bias", triangle(c["n_positions"], torch.uint8), persistent=False)

    def split_heads(self, x):
        return x.view(x.size()[:-1] + (self.heads, x.size(-1) // self.heads)).permute(0, 2, 1, 3)

    def forward(self, x, mask, past):
        q, k, v = (self.split_heads(part) for part in self.c_attn(x).split(x.size(-1), dim=2))
        if past is not None:
            k, v = torch.cat((past[0], k), dim=-2), torch.cat((past[1], v), dim=-2)
        scores = torch.matmul(q, k.transpose(-1, -2))
        # the size is traced as a value of the graph, which PyTorch 1.13 leaves in float32: a number for float16
        size = v.size(-1) if scores.dtype == torch.float32 else self.d_head
        scores = scores / torch.full([], size**0.5, dtype=scores.dtype, device=scores.device)
        n_q, n_k = q.size(-2), k.size(-2)
        causal = self.bias[:, :, n_k - n_q : n_k, :n_k].to(torch.bool)
        lowest = torch.full([], torch.finfo(scores.dtype).min, dtype=scores.dtype, device=scores.device)
        scores = torch.where(causal, scores, lowest)
        if mask is not None:
            scores = scores + mask
        pattern = nn.functional.softmax(scores, dim=-1).type(v.dtype)
        z = torch.matmul(pattern, v).permute(0, 2, 1, 3).contiguous()
        return self.c_proj(z.view(z.size()[:-2] + (z.size(-2) * z.size(-1),))), (k, v)


class Gpt2Mlp(nn.Module):
    def __init__(self, c):
        super().__init__()
        d, inner = c["n_embd"], c.get("n_inner") or 4 * c["n_embd"]
        self.c_fc, self.c_proj = Conv1D(d, inner), Conv1D(inner, d)
        self.act = ACTIVATIONS[c.get("activation_function", "gelu_new")]

    def forward(self, x):
        return self.c_proj(self.act(self.c_fc(x)))


class Gpt2Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        norm = lambda: nn.LayerNorm(c["n_embd"], eps=c.get("layer_norm_epsilon", 1e-5))
        self.ln_1, self.attn, self.ln_2, self.mlp = norm(), Gpt2Attention(c), norm(), Gpt2Mlp(c)

    def forward(self, x, mask, past):
        out, present = self.attn(self.ln_1(x), mask, past)
        x = out + x
        return x + self.mlp(self.ln_2(x)), present


class Gpt2Body(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.wte = nn.Embedding(c["vocab_size"], c["n_embd"])
        self.wpe = nn.Embedding(c["n_positions"], c["n_embd"])
        self.h = nn.ModuleList(Gpt2Block(c) for _ in range(c["n_layer"]))
        self.ln_f = nn.LayerNorm(c["n_embd"], eps=c.get("layer_norm_epsilon", 1e-5))

    def forward(self, ids, mask, positions, past):
        shape = ids.size()
        ids = ids.view(-1, shape[-1])
        n_past = 0 if past is None else past[0][0].size(-2)
        if positions is None:
            positions = torch.arange(n_past, shape[-1] + n_past, dtype=torch.long, device=ids.device)
            positions = positions.unsqueeze(0).view(-1, shape[-1])
        x = self.wte(ids) + self.wpe(positions)
        bias = None if mask is None else padding_bias(mask.view(ids.size(0), -1), x.dtype)
        presents = []
        for layer, block in enumerate(self.h):
            x, present = block(x, bias, None if past is None else past[layer])
            presents.append(present)
        return self.ln_f(x).view(shape + (x.size(-1),)), presents


class Gpt2(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.transformer = Gpt2Body(c)
        self.lm_head = nn.Linear(c["n_embd"], c["vocab_size"], bias=False)
        if c.get("tie_word_embeddings", True):
            self.lm_head.weight = self.transformer.wte.weight
        self.layers, self.kv_heads, self.d_head = c["n_layer"], c["n_head"], c["n_embd"] // c["n_head"]

    def forward(self, ids, mask=None, positions=None, past=None):
        x, presents = self.transformer(ids, mask, positions, past)
        return self.lm_head(x), presents


# GPT-NeoX


class NeoxRotary(nn.Module):
    """Tables that are computed once and sliced."""

    def __init__(self, dims, base, n_ctx):
        super().__init__()
        frequencies = 1.0 / (base ** (torch.arange(0, dims, 2).float() / dims))
        angles = torch.einsum("i,j->ij", torch.arange(n_ctx, dtype=frequencies.dtype), frequencies)
        both = torch.cat((angles, angles), dim=-1)
        self.register_buffer("cos_cached", both.cos()[None, None], persistent=False)
        self.register_buffer("sin_cached", both.sin()[None, None], persistent=False)

    def forward(self, x, n):
        return self.cos_cached[:, :, :n, ...].to(x.dtype), self.sin_cached[:, :, :n, ...].to(x.dtype)


class NeoxAttention(nn.Module):
    def __init__(self, c):
        super().__init__()
        d, n_ctx = c["hidden_size"], c["max_position_embeddings"]
        self.heads = c["num_attention_heads"]
        self.d_head = d // self.heads
        self.rotary_dims = int(self.d_head * c.get("rotary_pct", 0.25))
        self.norm_factor = math.sqrt(self.d_head)
        bias = c.get("attention_bias", True)
        self.query_key_value, self.dense = nn.Linear(d, 3 * d, bias=bias), nn.Linear(d, d, bias=bias)
        self.rotary_emb = NeoxRotary(self.rotary_dims, c.get("rotary_emb_base", 10000), n_ctx)
        self.register_buffer("bias", triangle(n_ctx), persistent=False)

    def rotated(self, x, cos, sin):
        rot, rest = x[..., : self.rotary_dims], x[..., self.rotary_dims :]
        return torch.cat((rot * cos + rotate_half(rot) * sin, rest), dim=-1)

    def forward(self, x, mask, past):
        qkv = self.query_key_value(x)
        qkv = qkv.view(qkv.size()[:-1] + (self.heads, 3 * self.d_head))
        q = qkv[..., : self.d_head].permute(0, 2, 1, 3)
        k = qkv[..., self.d_head : 2 * self.d_head].permute(0, 2, 1, 3)
        v = qkv[..., 2 * self.d_head :].permute(0, 2, 1, 3)
        n_past = 0 if past is None else past[0].shape[-2]
        cos, sin = self.rotary_emb(v, k.shape[-2] + n_past)
        cos, sin = (t[..., n_past : k.shape[-2] + n_past, :] for t in (cos, sin))
        q, k = self.rotated(q, cos, sin), self.rotated(k, cos, sin)
        if past is not None:
            k, v = torch.cat((past[0], k), dim=-2), torch.cat((past[1], v), dim=-2)
        z = self.attend(q, k, v, mask).permute(0, 2, 1, 3).contiguous()
        return self.dense(z.view(z.size()[:-2] + (self.heads * self.d_head,))), (k, v)

    def attend(self, q, k, v, mask):
        batch, heads, n_q, d_head = q.size()
        n_k = k.size(-2)
        causal = self.bias[:, :, n_k - n_q : n_k, :n_k]
        q, k = q.view(batch * heads, n_q, d_head), k.view(batch * heads, n_k, d_head)
        zeros = torch.zeros(batch * heads, n_q, n_k, dtype=q.dtype, device=q.device)
        scores = torch.baddbmm(zeros, q, k.transpose(1, 2), beta=1.0, alpha=1.0 / self.norm_factor)
        scores = scores.view(batch, heads, n_q, n_k)
        scores = torch.where(causal, scores, torch.tensor(torch.finfo(scores.dtype).min, dtype=scores.dtype))
        if mask is not None:
            scores = scores + mask
        return torch.matmul(nn.functional.softmax(scores, dim=-1).to(v.dtype), v)


class NeoxMlp(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.dense_h_to_4h = nn.Linear(c["hidden_size"], c["intermediate_size"])
        self.dense_4h_to_h = nn.Linear(c["intermediate_size"], c["hidden_size"])
        self.act = ACTIVATIONS[c.get("hidden_act", "gelu")]

    def forward(self, x):
        return self.dense_4h_to_h(self.act(self.dense_h_to_4h(x)))


class NeoxLayer(nn.Module):
    def __init__(self, c):
        super().__init__()
        norm = lambda: nn.LayerNorm(c["hidden_size"], eps=c.get("layer_norm_eps", 1e-5))
        self.parallel = c.get("use_parallel_residual", True)
        self.input_layernorm, self.post_attention_layernorm = norm(), norm()
        self.attention, self.mlp = NeoxAttention(c), NeoxMlp(c)

    def forward(self, x, mask, past):
        out, present = self.attention(self.input_layernorm(x), mask, past)
        if self.parallel:
            return self.mlp(self.post_attention_layernorm(x)) + out + x, present
        out = out + x
        return self.mlp(self.post_attention_layernorm(out)) + out, present


class NeoxBody(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.embed_in = nn.Embedding(c["vocab_size"], c["hidden_size"])
        self.layers = nn.ModuleList(NeoxLayer(c) for _ in range(c["num_hidden_layers"]))
        self.final_layer_norm = nn.LayerNorm(c["hidden_size"], eps=c.get("layer_norm_eps", 1e-5))

    def forward(self, ids, mask, past):
        x = self.embed_in(ids)
        bias = None if mask is None else padding_bias(mask, x.dtype)
        presents = []
        for index, layer in enumerate(self.layers):
            x, present = layer(x, bias, None if past is None else past[index])
            presents.append(present)
        return self.final_layer_norm(x), presents


class Neox(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.gpt_neox = NeoxBody(c)
        self.embed_out = nn.Linear(c["hidden_size"], c["vocab_size"], bias=False)
        self.layers, self.kv_heads = c["num_hidden_layers"], c["num_attention_heads"]
        self.d_head = c["hidden_size"] // c["num_attention_heads"]

    def forward(self, ids, mask=None, positions=None, past=None):
        x, presents = self.gpt_neox(ids, mask, past)
        return self.embed_out(x), presents


# Llama


class RmsNorm(nn.Module):
    def __init__(self, d, eps):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(d)), eps

    def forward(self, x):
        dtype = x.dtype
        x = x.to(torch.float32)
        x = x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps)
        return self.weight * x.to(dtype)


def repeat_heads(x, times):
    batch, heads, n, d_head = x.shape
    if times == 1:
        return x
    return x[:, :, None, :, :].expand(batch, heads, times, n, d_head).reshape(batch, heads * times, n, d_head)


class LlamaAttention(nn.Module):
    def __init__(self, c):
        super().__init__()
        d = c["hidden_size"]
        self.heads, self.kv_heads = c["num_attention_heads"], c.get("num_key_value_heads") or c["num_attention_heads"]
        self.d_head = c.get("head_dim") or d // self.heads
        bias = c.get("attention_bias", False)
        self.q_proj = nn.Linear(d, self.heads * self.d_head, bias=bias)
        self.k_proj = nn.Linear(d, self.kv_heads * self.d_head, bias=bias)
        self.v_proj = nn.Linear(d, self.kv_heads * self.d_head, bias=bias)
        self.o_proj = nn.Linear(self.heads * self.d_head, d, bias=bias)

    def forward(self, x, cos, sin, mask, past):
        batch, n, _ = x.size()
        q = self.q_proj(x).view(batch, n, self.heads, self.d_head).transpose(1, 2)
        k = self.k_proj(x).view(batch, n, self.kv_heads, self.d_head).transpose(1, 2)
        v = self.v_proj(x).view(batch, n, self.kv_heads, self.d_head).transpose(1, 2)
        q, k = (t * cos + rotate_half(t) * sin for t in (q, k))
        if past is not None:
            k, v = torch.cat((past[0], k), dim=2), torch.cat((past[1], v), dim=2)
        present = (k, v)
        k, v = (repeat_heads(t, self.heads // self.kv_heads) for t in present)
        scores = torch.matmul(q, k.transpose(2, 3)) / math.sqrt(self.d_head) + mask
        pattern = nn.functional.softmax(scores, dim=-1, dtype=torch.float32).to(q.dtype)
        z = torch.matmul(pattern, v).transpose(1, 2).contiguous()
        return self.o_proj(z.reshape(batch, n, self.heads * self.d_head)), present


class LlamaMlp(nn.Module):
    def __init__(self, c):
        super().__init__()
        d, inner, bias = c["hidden_size"], c["intermediate_size"], c.get("mlp_bias", False)
        self.gate_proj, self.up_proj = nn.Linear(d, inner, bias=bias), nn.Linear(d, inner, bias=bias)
        self.down_proj = nn.Linear(inner, d, bias=bias)
        self.act = ACTIVATIONS[c.get("hidden_act", "silu")]

    def forward(self, x):
        return self.down_proj(self.act(self.gate_proj(x)) * self.up_proj(x))


class LlamaLayer(nn.Module):
    def __init__(self, c):
        super().__init__()
        norm = lambda: RmsNorm(c["hidden_size"], c.get("rms_norm_eps", 1e-6))
        self.input_layernorm, self.post_attention_layernorm = norm(), norm()
        self.self_attn, self.mlp = LlamaAttention(c), LlamaMlp(c)

    def forward(self, x, cos, sin, mask, past):
        residual = x
        x, present = self.self_attn(self.input_layernorm(x), cos, sin, mask, past)
        x = residual + x
        return x + self.mlp(self.post_attention_layernorm(x)), present


class LlamaBody(nn.Module):
    def __init__(self, c):
        super().__init__()
        d_head = c.get("head_dim") or c["hidden_size"] // c["num_attention_heads"]
        self.embed_tokens = nn.Embedding(c["vocab_size"], c["hidden_size"])
        self.layers = nn.ModuleList(LlamaLayer(c) for _ in range(c["num_hidden_layers"]))
        self.norm = RmsNorm(c["hidden_size"], c.get("rms_norm_eps", 1e-6))
        frequencies = 1.0 / (c.get("rope_theta", 10000.0) ** (torch.arange(0, d_head, 2).float() / d_head))
        self.register_buffer("inv_freq", frequencies, persistent=False)

    def rotary(self, x, positions):
        """Angles that are computed in every run, in float32."""
        frequencies = self.inv_freq[None, :, None].float().expand(positions.shape[0], -1, 1)
        angles = (frequencies @ positions[:, None, :].float()).transpose(1, 2)
        both = torch.cat((angles, angles), dim=-1)
        return both.cos().to(x.dtype).unsqueeze(1), both.sin().to(x.dtype).unsqueeze(1)

    def causal(self, x, mask, n_past):
        batch, n = x.shape[:2]
        bias = torch.full((n, n), torch.finfo(x.dtype).min, dtype=x.dtype, device=x.device)
        index = torch.arange(n, device=x.device)
        bias = bias.masked_fill(index < (index + 1).view(n, 1), 0)
        if n_past is not None:
            bias = torch.cat((torch.zeros(n, n_past, dtype=x.dtype, device=x.device), bias), dim=-1)
        bias = bias[None, None, :, :].expand(batch, 1, n, bias.size(-1))
        if mask is None:
            return bias
        padding = mask[:, None, None, :].expand(batch, 1, n, mask.size(-1)).to(x.dtype)
        padding = 1.0 - padding
        return padding.masked_fill(padding.to(torch.bool), torch.finfo(x.dtype).min) + bias

    def forward(self, ids, mask, positions, past):
        x = self.embed_tokens(ids)
        n_past = None if past is None else past[0][0].shape[2]
        if positions is None:
            start = 0 if n_past is None else n_past
            positions = torch.arange(start, ids.shape[1] + start, dtype=torch.long, device=ids.device).unsqueeze(0)
        cos, sin = self.rotary(x, positions)
        bias = self.causal(x, mask, n_past)
        presents = []
        for index, layer in enumerate(self.layers):
            x, present = layer(x, cos, sin, bias, None if past is None else past[index])
            presents.append(present)
        return self.norm(x), presents


class Llama(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.model = LlamaBody(c)
        self.lm_head = nn.Linear(c["hidden_size"], c["vocab_size"], bias=False)
        if c.get("tie_word_embeddings", False):
            self.lm_head.weight = self.model.embed_tokens.weight
        self.layers, self.kv_heads = c["num_hidden_layers"], self.model.layers[0].self_attn.kv_heads
        self.d_head = self.model.layers[0].self_attn.d_head

    def forward(self, ids, mask=None, positions=None, past=None):
        x, presents = self.model(ids, mask, positions, past)
        return self.lm_head(x).float(), presents


# The Framework paper's toy models, in TransformerLens's names


class ToyAttention(nn.Module):
    def __init__(self, c):
        super().__init__()
        heads, d, d_head = c["n_heads"], c["d_model"], c["d_head"]
        for which in "QKV":
            setattr(self, f"W_{which}", nn.Parameter(torch.empty(heads, d, d_head)))
        self.W_O = nn.Parameter(torch.empty(heads, d_head, d))
        self.scale = c["attn_scale"]
        self.register_buffer("mask", triangle(c["n_ctx"]), persistent=False)

    def project(self, x, weight):
        heads, d, d_head = weight.shape
        matrix = weight.permute(0, 2, 1).reshape(heads * d_head, d)
        return nn.functional.linear(x, matrix).view(x.size(0), x.size(1), heads, d_head)

    def forward(self, x, xqk):
        q, k, v = self.project(xqk, self.W_Q), self.project(xqk, self.W_K), self.project(x, self.W_V)
        scores = q.permute(0, 2, 1, 3) @ k.permute(0, 2, 3, 1) / self.scale
        n = x.size(1)
        scores = torch.where(self.mask[:, :, :n, :n], scores, torch.tensor(-torch.inf, dtype=scores.dtype))
        z = scores.softmax(dim=-1) @ v.permute(0, 2, 1, 3)
        heads, d_head, d = self.W_O.shape
        flat = z.permute(0, 2, 1, 3).reshape(x.size(0), n, heads * d_head)
        return nn.functional.linear(flat, self.W_O.reshape(heads * d_head, d).T)


class Holder(nn.Module):
    def __init__(self, **children):
        super().__init__()
        for name, child in children.items():
            setattr(self, name, child)


class Toy(nn.Module):
    """Attention only, no norm, shortformer positions: added to what queries and keys read."""

    def __init__(self, c):
        super().__init__()
        matrix = lambda *shape: nn.Parameter(torch.empty(*shape))
        self.embed = Holder(W_E=matrix(c["d_vocab"], c["d_model"]))
        self.pos_embed = Holder(W_pos=matrix(c["n_ctx"], c["d_model"]))
        self.blocks = nn.ModuleList(Holder(attn=ToyAttention(c)) for _ in range(c["n_layers"]))
        self.unembed = Holder(W_U=matrix(c["d_model"], c["d_vocab"]))

    def forward(self, ids, mask=None, positions=None, past=None):
        x = nn.functional.embedding(ids, self.embed.W_E)
        pos = self.pos_embed.W_pos[: ids.size(1)]
        for block in self.blocks:
            x = x + block.attn(x, x + pos)
        return x @ self.unembed.W_U, []


MODELS = {"gpt2": Gpt2, "gpt_neox": Neox, "llama": Llama, "attn_only": Toy}
