"""Programs that are right, in shapes that could fool a rule about structure."""

from __future__ import annotations

from tests.engine.programs.structure import HEAD


def _net(inside: str, forward: str = "return self.fc(x)", more: str = "", before: str = "") -> str:
    """A model of one linear layer, with something added to its constructor, its forward and its class."""
    lines = "\n        ".join(inside.strip().split("\n"))
    body = "\n        ".join(forward.strip().split("\n"))
    extra = "\n    ".join(more.strip().split("\n"))
    return f"""{HEAD}
{before}

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)
        {lines}

    def forward(self, x):
        {body}

    {extra}
"""


HEALTHY = {
    "a scalar constant": _net("self.scale = torch.tensor(0.125)", "return self.fc(x) * self.scale"),
    "an index table": _net("self.order = torch.arange(3, -1, -1)", "return self.fc(x[:, self.order])"),
    "a boolean mask": _net(
        "self.keep = torch.ones(4, dtype=torch.bool)", "return self.fc(x.masked_fill(~self.keep, 0))"
    ),
    "a cache that is made on the fly": _net(
        "self.cache = None",
        "if self.cache is None:\n    self.cache = x.new_zeros(4)\nreturn self.fc(x + self.cache)",
    ),
    "a table that is moved where it is used": _net(
        "self.table = torch.rand(8, 4)", "return self.fc(x + self.table[: len(x)].to(x.device))"
    ),
    "a table that is moved and kept": _net(
        "self.freqs = torch.rand(4)", "self.freqs = self.freqs.to(x.device)\nreturn self.fc(x * self.freqs)"
    ),
    "a table that is moved when needed": _net(
        "self.pe = torch.rand(4)",
        "if self.pe.device != x.device:\n    self.pe = self.pe.to(x.device)\nreturn self.fc(x * self.pe)",
    ),
    "a table under a local name": _net(
        "self.pe = torch.rand(8, 4)", "pe = self.pe[: len(x)]\nreturn self.fc(x + pe.type_as(x))"
    ),
    "a list of tables, each moved": _net(
        "self.scales = [torch.rand(4) for _ in range(3)]",
        "for scale in self.scales:\n    x = self.fc(x * scale.to(x))\nreturn x",
    ),
    "a list that the parts fill while they run": _net(
        "self.heads = [torch.rand(1)] * 2\nself.part = Part(self.heads)",
        "x = self.part(self.fc(x))\nreturn x + self.heads[0]",
        before="class Part(nn.Module):\n"
        "    def __init__(self, heads):\n        super().__init__()\n        self.heads = heads\n\n"
        "    def forward(self, x):\n        self.heads[0] = x * 2\n        return x\n",
    ),
    "a list moved in a comprehension": _net(
        "self.anchors = [torch.rand(4) for _ in range(3)]",
        "anchors = [anchor.to(x.device) for anchor in self.anchors]\nreturn self.fc(x + anchors[0])",
    ),
    "a tensor that a function of the file moves": _net(
        "self.betas = torch.rand(9)",
        "return self.fc(x) * pick(self.betas, torch.zeros(len(x), dtype=torch.int64))",
        before="def pick(table, index):\n    return table.gather(0, index.cpu()).to(index.device).view(-1, 1)\n",
    ),
    "a tensor whose method gives it to be moved": _net(
        "self.wh = torch.rand(4)",
        "boxes = self.boxes(len(x))\nboxes = boxes.to(x.device)\nreturn self.fc(x + boxes)",
        "def boxes(self, n):\n    return torch.stack([self.wh] * n)",
    ),
    "a tensor made anew before it is read": _net(
        "self.noise = torch.zeros(4)", "self.noise = torch.randn_like(x)\nreturn self.fc(x + self.noise)"
    ),
    "a tensor that is only kept to be looked at": _net(
        "self.last = torch.zeros(4)", "y = self.fc(x)\nself.last = y.detach()\nreturn y"
    ),
    "a step on the way to a buffer": _net(
        "self.betas = torch.linspace(0, 1, 9)\nself.register_buffer('alphas', 1 - self.betas)",
        "return self.fc(x) * self.alphas[0]",
    ),
    "a tensor whose numbers are read": _net(
        "self.strides = torch.tensor([8.0, 16.0])", "return self.fc(x) / self.strides[0].item()"
    ),
    "a tensor indexed with numbers": _net(
        "self.gain = torch.tensor([4.0, 1.0])", "return self.fc(x) * self.gain[0] + self.gain[1]"
    ),
    "a tensor made on the device of the constructor": _net(
        "device = 'cpu'\nself.pe = torch.zeros(8, 4, device=device)", "return self.fc(x + self.pe[: len(x)])"
    ),
    "a class that moves what is its own": _net(
        "self.table = torch.rand(4)",
        "return self.fc(x + self.table)",
        "def _apply(self, fn, recurse=True):\n    super()._apply(fn)\n    self.table = fn(self.table)\n    return self",
    ),
    "tied weights, and a list of registered layers": _net(
        "self.out = nn.Linear(4, 4)\nself.out.weight = self.fc.weight\nself.order = [self.out, self.fc]\n"
        "self.all = [self.fc.weight, self.fc.bias]",
        "for layer in self.order:\n    x = layer(x)\nreturn x",
    ),
    "a child that knows its parent": _net("self.fc.owner = [self]"),
    "a frozen teacher out of sight": _net(
        "self.teacher = [nn.Linear(4, 4).requires_grad_(False)]", "return self.fc(x) - self.teacher[0](x)"
    ),
    "a critic in a list of its own": _net(
        "critic = nn.Linear(4, 1)\nself.critic = [critic]", "return self.critic[0](x)"
    ),
    "a perceptual network in eval mode": _net(
        "self.vgg = [nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4)).eval()]", "return self.vgg[0](x)"
    ),
    "a constant of the class that is moved": _net(
        "pass",
        "return self.fc(x - type(self).mean.to(x.device)) / Net.std.to(x)",
        "mean = torch.rand(4)\nstd = torch.rand(4)",
    ),
    "a tensor that the module around it moves": _net(
        "self.part = Part()",
        "return self.fc(x + self.part.anchors.to(x.device))",
        before="class Part(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.anchors = torch.rand(4)\n",
    ),
    "a module that is hidden by hand": _net("self.__dict__['critic'] = nn.Linear(4, 1)"),
    "activations and losses in containers": _net(
        "self.acts = [nn.ReLU(), nn.GELU(), nn.Softmax(-1)]\nself.losses = {'l1': nn.L1Loss(), 'mse': nn.MSELoss()}",
        "return self.acts[0](self.fc(x))",
    ),
    "functions in a dict": _net("self.acts = {'relu': F.relu}", "return self.acts['relu'](self.fc(x))"),
    "one activation at many places": _net(
        "act = nn.ReLU()\nself.body = nn.Sequential(nn.Linear(4, 4), act, nn.Linear(4, 4), act)",
        "return self.body(self.fc(x))",
    ),
    "a mask as a buffer": _net(
        "mask = torch.full((4, 4), float('-inf')).triu(1)\nself.register_buffer('mask', mask, persistent=False)",
        "return self.fc(x) + self.mask[0]",
    ),
    "slopes and a mask in one buffer": _net(
        "bias = -torch.rand(4, 4)\nbias = bias.masked_fill(torch.ones(4, 4).triu(1) > 0, float('-inf'))\n"
        "self.register_buffer('alibi', bias)",
        "return self.fc(x) + self.alibi[0]",
    ),
    "a search that begins at infinity": _net(
        "self.register_buffer('best', torch.tensor(float('inf')))\n"
        "self.register_buffer('least', torch.full((3,), float('inf')))"
    ),
    "frozen norms in eval mode": _net(
        "self.bn = nn.BatchNorm1d(4).requires_grad_(False)\nself.bn.eval()", "return self.bn(self.fc(x))"
    ),
    "frozen norms that do not move": _net(
        "self.bn = nn.BatchNorm1d(4, momentum=0.0).requires_grad_(False)\n"
        "self.other = nn.BatchNorm1d(4, affine=False)\n"
        "self.third = nn.BatchNorm1d(4, track_running_stats=False).requires_grad_(False)",
        "return self.third(self.other(self.bn(self.fc(x))))",
    ),
    "frozen norms that forward puts in eval mode": _net(
        "self.bn = nn.BatchNorm1d(4).requires_grad_(False)", "self.bn.eval()\nreturn self.bn(self.fc(x))"
    ),
    "zero-initialised branches": _net(
        "self.up = nn.Linear(4, 4)\nnn.init.zeros_(self.up.weight)\nself.gamma = nn.Parameter(1e-6 * torch.ones(4))",
        "return self.fc(x) + self.gamma * self.up(x)",
    ),
    "a target network": _net(
        "self.target = copy.deepcopy(self.fc).requires_grad_(False)", "return self.fc(x) - self.target(x)"
    ),
    "parametrized and pruned layers": _net(
        "from torch.nn.utils import parametrizations, prune, spectral_norm\n"
        "self.a = parametrizations.weight_norm(nn.Linear(4, 4))\nself.b = spectral_norm(nn.Linear(4, 4))\n"
        "self.c = prune.l1_unstructured(nn.Linear(4, 4), 'weight', 0.5)\nself.rnn = nn.LSTM(4, 4, batch_first=True)",
        "return self.c(self.b(self.a(self.fc(x))))",
    ),
    "a weight that is computed before each forward": _net(
        "self.raw = nn.Parameter(torch.rand(4, 4))\ndel self.fc._parameters['weight']\n"
        "self.fc.weight = self.raw.detach().clone()",
        "self.fc.weight = F.dropout(self.raw, 0.1, self.training)\nreturn self.fc(x)",
    ),
    "a container of the user's without forward": _net(
        "self.parts = Parts()",
        "return self.fc(self.parts.a(x))",
        before="class Parts(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.a = nn.Linear(4, 4)\n\n    def reward(self, x):\n        return x\n",
    ),
    "a model that is called by __call__": HEAD
    + """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def __call__(self, x):
        return self.fc(x)
""",
    "forward from a mixin": HEAD
    + """
class Runs:
    def forward(self, x):
        return self.fc(x)


class Net(Runs, nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)
""",
    "filters that are equal and known": _net(
        "self.blur = nn.Conv2d(1, 1, 3)\nself.blur2 = nn.Conv2d(1, 1, 3)\n"
        "for each in (self.blur, self.blur2):\n    nn.init.dirac_(each.weight)"
    ),
    "objects that are no modules": _net(
        "self.helper = Helper()", before="class Helper:\n    def __init__(self):\n        self.t = torch.rand(4)\n"
    ),
    "plain averages in a norm": _net("self.bn = nn.BatchNorm1d(4, momentum=None)", "return self.bn(self.fc(x))"),
}
