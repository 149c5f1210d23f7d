"""Faults that are known as soon as a model is built: for each a program, with its line marked, and its mended twin."""

from __future__ import annotations

from typing import NamedTuple

HEAD = """
import copy
import math
from dataclasses import dataclass, field

import torch
from torch import nn
from torch.nn import functional as F

"""


class Pair(NamedTuple):
    """One fault, and the same program without it."""

    id: str
    path: str
    name: str
    bad: str
    mended: str


def _swap(name: str, rule: str, path: str, body: str, **changes: str) -> Pair:
    """A program with places `{like_this}`: (bad text, mended text) of each, parted by a bar."""
    bad, mended = body, body
    for place, both in changes.items():
        wrong, _, right = both.partition(" | ")
        bad, mended = bad.replace(f"@{place}@", wrong), mended.replace(f"@{place}@", right)
    return Pair(rule, path, name, HEAD + bad, HEAD + mended)


PAIRS = [
    _swap("residual tower in a list", "NN101", "blocks", """
class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x):
        return x + self.conv2(F.relu(self.conv1(x)))


class Tower(nn.Module):
    def __init__(self, width=8, depth=3):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        @line@
        self.head = nn.Linear(width, 10)

    def forward(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return self.head(x.mean((2, 3)))
""", line="self.blocks = [Block(width) for _ in range(depth)]  # <- | "
          "self.blocks = nn.ModuleList(Block(width) for _ in range(depth))"),
    _swap("experts appended one by one", "NN101", "moe.experts", """
class MoE(nn.Module):
    def __init__(self, dim, count):
        super().__init__()
        self.gate = nn.Linear(dim, count)
        @line@
        for _ in range(count):
            self.experts.append(nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim)))

    def forward(self, x):
        weights = self.gate(x).softmax(-1)
        return sum(weights[..., i : i + 1] * expert(x) for i, expert in enumerate(self.experts))


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.moe = MoE(8, 4)
        self.norm = nn.LayerNorm(8)

    def forward(self, x):
        return self.norm(x + self.moe(x))
""", line="self.experts = []  # <- | self.experts = nn.ModuleList()"),
    _swap("heads in a dict", "NN101", "heads", """
class MultiTask(nn.Module):
    def __init__(self, tasks=("age", "sex")):
        super().__init__()
        self.body = nn.Linear(16, 16)
        @line@

    def forward(self, x):
        x = F.relu(self.body(x))
        return {name: head(x) for name, head in self.heads.items()}
""", line="self.heads = {task: nn.Linear(16, 2) for task in tasks}  # <- | "
          "self.heads = nn.ModuleDict({task: nn.Linear(16, 2) for task in tasks})"),
    _swap("layers in a tuple", "NN101", "pair", """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        @line@
        self.out = nn.Linear(4, 1)

    def forward(self, x):
        return self.out(self.pair[0](x) + self.pair[1](x))
""", line="self.pair = (nn.Linear(4, 4), nn.Linear(4, 4))  # <- | "
          "self.pair = nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 4)])"),
    _swap("layers in a dataclass", "NN101", "parts", """
@dataclass
class Parts:
    encoder: nn.Module
    decoder: nn.Module


class AutoEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        @line@
        self.scale = nn.Linear(4, 4)

    def forward(self, x):
        return self.scale(self.parts.decoder(self.parts.encoder(x)))
""", line="self.parts = Parts(nn.Linear(4, 2), nn.Linear(2, 4))  # <- | "
          "self.parts = nn.ModuleDict({'encoder': nn.Linear(4, 2), 'decoder': nn.Linear(2, 4)})"),
    _swap("a layer of the class", "NN101", "embed", """
class Net(nn.Module):
    @line@

    def __init__(self):
        super().__init__()
        @inside@
        self.head = nn.Linear(4, 2)

    def forward(self, ids):
        return self.head(self.embed(ids).mean(1))
""", line="embed = nn.Embedding(10, 4)  # <- | width = 4", inside=" | self.embed = nn.Embedding(10, 4)"),
    _swap("dropouts in a list", "NN101", "drops", """
class MultiSampleDropout(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 2)
        @line@

    def forward(self, x):
        return torch.stack([self.fc(drop(x)) for drop in self.drops]).mean(0)
""", line="self.drops = [nn.Dropout(0.1 * i) for i in range(5)]  # <- | "
          "self.drops = nn.ModuleList([nn.Dropout(0.1 * i) for i in range(5)])"),
    _swap("lists of lists", "NN101", "stages", """
class Stages(nn.Module):
    def __init__(self):
        super().__init__()
        @line@
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        for stage in self.stages:
            for layer in stage:
                x = layer(x).relu()
        return self.head(x)
""", line="self.stages = [[nn.Linear(4, 4) for _ in range(2)] for _ in range(3)]  # <- | "
          "self.stages = nn.ModuleList(nn.ModuleList(nn.Linear(4, 4) for _ in range(2)) for _ in range(3))"),
    _swap("weights in a list", "NN102", "weights", """
class Mixture(nn.Module):
    def __init__(self, count=3):
        super().__init__()
        @line@
        self.fc = nn.Linear(4, 4)

    def forward(self, x):
        return self.fc(sum(x @ weight for weight in self.weights))
""", line="self.weights = [nn.Parameter(torch.randn(4, 4)) for _ in range(count)]  # <- | "
          "self.weights = nn.ParameterList(nn.Parameter(torch.randn(4, 4)) for _ in range(count))"),
    _swap("prompts in a dict", "NN102", "prompts", """
class Prompted(nn.Module):
    def __init__(self):
        super().__init__()
        @line@
        self.fc = nn.Linear(8, 8)

    def forward(self, x):
        return self.fc(torch.cat([self.prompts["task"].expand(x.shape[0], -1, -1), x], 1))
""", line="self.prompts = {'task': nn.Parameter(torch.zeros(1, 4, 8))}  # <- | "
          "self.prompts = nn.ParameterDict({'task': nn.Parameter(torch.zeros(1, 4, 8))})"),
    _swap("positional encoding", "NN103", "pos.pe", """
class PositionalEncoding(nn.Module):
    def __init__(self, width, length=64):
        super().__init__()
        position = torch.arange(length).unsqueeze(1)
        scale = torch.exp(torch.arange(0, width, 2) * (-math.log(10000.0) / width))
        pe = torch.zeros(length, width)
        pe[:, 0::2] = torch.sin(position * scale)
        pe[:, 1::2] = torch.cos(position * scale)
        @line@

    def forward(self, x):
        return x + self.pe[:, : x.size(1)]


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(50, 16)
        self.pos = PositionalEncoding(16)
        self.layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)

    def forward(self, ids):
        return self.layer(self.pos(self.embed(ids)))
""", line="self.pe = pe.unsqueeze(0)  # <- | self.register_buffer('pe', pe.unsqueeze(0))"),
    _swap("image statistics", "NN103", "mean", """
class Normalized(nn.Module):
    def __init__(self):
        super().__init__()
        @line@
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return self.conv((x - self.mean) / 0.25)
""", line="self.mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)  # <- | "
          "self.register_buffer('mean', torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1), persistent=False)"),
    _swap("float causal mask", "NN103", "mask", """
class CausalAttention(nn.Module):
    def __init__(self, dim=8, length=16):
        super().__init__()
        self.qkv = nn.Linear(dim, 3 * dim)
        @line@

    def forward(self, x):
        q, k, v = self.qkv(x).chunk(3, -1)
        scores = q @ k.transpose(-2, -1) / math.sqrt(q.size(-1))
        n = x.size(1)
        return (scores + self.mask[:n, :n]).softmax(-1) @ v
""", line="self.mask = torch.triu(torch.full((length, length), float('-inf')), 1)  # <- | "
          "self.register_buffer('mask', torch.triu(torch.full((length, length), float('-inf')), 1))"),
    _swap("a weight that is no Parameter", "NN103", "scale", """
class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)
        @line@

    def forward(self, x):
        return self.fc(x) * self.scale
""", line="self.scale = torch.ones(4, requires_grad=True)  # <- | self.scale = nn.Parameter(torch.ones(4))"),
    _swap("a Parameter that is scaled", "NN103", "queries", """
class Pooling(nn.Module):
    def __init__(self):
        super().__init__()
        @line@
        self.fc = nn.Linear(8, 8)

    def forward(self, x):
        return self.fc((self.queries @ x.transpose(1, 2)).softmax(-1) @ x)
""", line="self.queries = nn.Parameter(torch.randn(2, 8)) * 0.02  # <- | "
          "self.queries = nn.Parameter(torch.randn(2, 8) * 0.02)"),
    _swap("noise schedule", "NN103", "alphas_bar", """
class Diffusion(nn.Module):
    def __init__(self, steps=10):
        super().__init__()
        betas = torch.linspace(1e-4, 0.02, steps)
        @line@
        self.net = nn.Linear(4, 4)

    def forward(self, x, t):
        a = self.alphas_bar[t].view(-1, 1)
        return self.net(a.sqrt() * x)
""", line="self.alphas_bar = torch.cumprod(1 - betas, 0)  # <- | "
          "self.register_buffer('alphas_bar', torch.cumprod(1 - betas, 0))"),
    _swap("tables of buffers in a list", "NN103", "tables", """
class Tables(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("low", torch.rand(4))
        self.register_buffer("high", torch.rand(4))
        @line@
        self.fc = nn.Linear(4, 4)

    def forward(self, x):
        @use@
            x = self.fc(x * table)
        return x
""", line="self.tables = [self.low, self.high]  # <- | self.names = ['low', 'high']",
          use="for table in self.tables: | for table in [self.low, self.high]:"),
    _swap("frozen backbone whose norms move", "NN105", "backbone.1", """
class FineTuned(nn.Module):
    def __init__(self):
        super().__init__()
        @line@
        for parameter in self.backbone.parameters():
            parameter.requires_grad = False
        @after@
        self.head = nn.Linear(8, 2)

    def forward(self, x):
        return self.head(self.backbone(x).mean((2, 3)))
""", line="self.backbone = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU())  # <- | "
          "self.backbone = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU())",
          after=" | self.backbone.eval()"),
    _swap("frozen norm, with train overridden in the twin", "NN105", "bn", """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        @line@
        self.bn.weight.requires_grad_(False)
        self.bn.bias.requires_grad_(False)
        self.head = nn.Linear(8, 2)

    @train@

    def forward(self, x):
        return self.head(self.bn(self.conv(x)).mean((2, 3)))
""", line="self.bn = nn.BatchNorm2d(8)  # <- | self.bn = nn.BatchNorm2d(8)",
          train=" | def train(self, mode=True):\n        super().train(mode)\n        self.bn.eval()\n"
          "        return self"),
    _swap("nothing is trained", "NN106", "", """
class Frozen(nn.Module):@line@
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(4, 4)
        self.b = nn.Linear(4, 4)
        for parameter in self.@which@parameters():
            parameter.requires_grad = False
        self.eval()

    def forward(self, x):
        return self.b(self.a(x))
""", line="  # <- | ", which=" | a."),
    _swap("a part in eval mode", "NN107", "encoder", """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        @line@
        @after@
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.encoder(x))
""", line="self.encoder = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.1))  # <- | "
          "self.encoder = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.1))", after="self.encoder.eval() | "),
    _swap("momentum of another framework", "NN109", "norm", """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        @line@

    def forward(self, x):
        return self.norm(self.conv(x))
""", line="self.norm = nn.BatchNorm2d(8, momentum=0.99, eps=1e-3)  # <- | "
          "self.norm = nn.BatchNorm2d(8, momentum=0.01, eps=1e-3)"),
    _swap("a division by zero in the initialisation", "NN110", "fc.weight", """
class Net(nn.Module):
    def __init__(self, depth=0):
        super().__init__()
        @line@
        with torch.no_grad():
            self.fc.weight.mul_(torch.tensor(0.0) / @by@)

    def forward(self, x):
        return self.fc(x)
""", line="self.fc = nn.Linear(4, 4)  # <- | self.fc = nn.Linear(4, 4)", by="torch.tensor(depth) | (depth + 1)"),
    _swap("running statistics of a run that diverged", "NN110", "bn.running_var", """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        @line@
        self.load_state_dict({"bn.running_var": torch.tensor([1.0, @value@, 1.0, 1.0])}, strict=False)

    def forward(self, x):
        return self.bn(self.conv(x))
""", line="self.bn = nn.BatchNorm2d(4)  # <- | self.bn = nn.BatchNorm2d(4)", value="-0.5 | 0.5"),
    _swap("lazy layers", "NN111", "fc", """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        @line@

    def forward(self, x):
        return self.fc(x)
""", line="self.fc = nn.LazyLinear(4)  # <- | self.fc = nn.Linear(4, 4)"),
    _swap("one part on another device", "NN112", "head.weight", """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(4, 4)
        self.b = nn.Linear(4, 4)
        @line@

    def forward(self, x):
        return self.head(self.b(self.a(x)))
""", line="self.head = nn.Linear(4, 2, device='meta')  # <- | self.head = nn.Linear(4, 2)"),
    _swap("one part in half precision", "NN113", "head", """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(4, 4)
        self.b = nn.Linear(4, 4)
        @line@

    def forward(self, x):
        return self.head(self.b(self.a(x)))
""", line="self.head = nn.Linear(4, 2).half()  # <- | self.head = nn.Linear(4, 2)"),
    _swap("deep copies of one block", "NN115", "blocks.0", """
class Net(nn.Module):
    def __init__(self, depth=4):
        super().__init__()
        block = nn.Sequential(nn.Linear(8, 8), nn.GELU(), nn.Linear(8, 8))
        @line@

    def forward(self, x):
        for block in self.blocks:
            x = x + block(x)
        return x
""", line="self.blocks = nn.ModuleList(copy.deepcopy(block) for _ in range(depth))  # <- | "
          "self.blocks = nn.ModuleList(nn.Sequential(nn.Linear(8, 8), nn.GELU()) for _ in range(depth))"),
    _swap("one layer twelve times", "NN116", "layers.0", """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        @line@

    def forward(self, x):
        return self.layers(x)
""", line="self.layers = nn.Sequential(*[nn.Linear(8, 8)] * 12)  # <- | "
          "self.layers = nn.Sequential(*[nn.Linear(8, 8) for _ in range(12)])"),
    _swap("weights of one value", "NN117", "fc.weight", """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        @line@
        nn.init.@how@(self.fc.weight)

    def forward(self, x):
        return self.fc(x)
""", line="self.fc = nn.Linear(8, 8)  # <- | self.fc = nn.Linear(8, 8)", how="ones_ | xavier_uniform_"),
    _swap("hooks that were left", "NN119", "conv", """
seen = {}


@hook@


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        @line@

    def forward(self, x):
        return self.conv(x)
""", hook="def keep(module, args, output):  # <-\n    seen['conv'] = output | ",
          line="self.conv.register_forward_hook(keep) | "),
    _swap("forward misspelt", "NN120", "", """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def @line@
        return self.fc(x)
""", line="foward(self, x):  # <- | forward(self, x):"),
    _swap("forward inside the constructor", "NN120", "", """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)

    @indent@def forward(self, x):  # <-
        @indent@return self.fc(x)
""", indent="     | "),
]  # fmt: skip
