"""Faults in what forward calls: parts left out, layers made anew, warnings, cut graphs, cancelled biases, noise."""

from __future__ import annotations

from tests.engine.programs.pair import pair

PAIRS = [
    pair("NN302", "aux_head", "an auxiliary head that nobody calls", """
class Backbone(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())

    def forward(self, x):
        return self.body(x)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = Backbone()
        self.head = nn.Linear(8, 10)
        self.aux_head = nn.Linear(8, 10)  # <-

    def forward(self, x):
        x = self.backbone(x).mean((2, 3))
        return @out@


example_inputs = torch.randn(2, 3, 8, 8)
""", out=("self.head(x)", "self.head(x) + 0.3 * self.aux_head(x)")),

    pair("NN302", "layers.3", "a loop that ends one layer early", """
class Stack(nn.Module):
    def __init__(self, depth=4):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(8, 8) for _ in range(depth))  # <-

    def forward(self, x):
        for index in range(len(self.layers)@less@):
            x = torch.tanh(self.layers[index](x))
        return x


example_inputs = torch.randn(2, 8)
""", less=(" - 1", "")),

    pair("NN308", "", "a projection that is made in forward", """
class Fusion(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.image = nn.Linear(32, width)
        self.text = nn.Linear(24, width)
        self.width = width
        self.proj = nn.Linear(2 * width, width)

    def forward(self, image, text):
        x = torch.cat([self.image(image), self.text(text)], -1)
        proj = @layer@
        return self.proj(x) + proj(x)


example_inputs = (torch.randn(3, 32), torch.randn(3, 24))
""", layer=("nn.Linear(x.shape[-1], self.width)  # <-", "self.proj")),

    pair("NN308", "mix", "a learnt scale that is new in every forward", """
class Mix(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(8))

    def forward(self, a, b):
        scale = @scale@
        return a * scale + b


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 8)
        self.mix = Mix()

    def forward(self, x):
        return self.mix(self.fc(x), x) + self.mix.scale


example_inputs = torch.randn(4, 8)
""", scale=("nn.Parameter(torch.ones(8))  # <-", "self.scale")),

    pair("NN312", "", "an index that warns of its type", """
class Loss(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 1)

    def forward(self, x, target):
        return F.mse_loss(self.fc(x), target)@mark@


example_inputs = (torch.randn(4, 8), torch.randn(@shape@))
""", mark=("  # <-", ""), shape=("4", "4, 1")),

    pair("NN312", "head", "a softmax that is not told its axis", """
class Head(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 3)

    def forward(self, x):
        return 2 * F.softmax(self.fc(x)@dim@


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = Head()

    def forward(self, x):
        return self.head(x)


example_inputs = torch.randn(4, 8)
""", dim=(")  # <-", ", dim=-1)")),

    pair("NN314", "codes", "a quantiser that detaches what it hands on", """
class Codes(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.proj = nn.Linear(width, width)

    def forward(self, z):
        z = self.proj(z)
        code = z.round()
        return @straight@


class Autoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encode = nn.Linear(16, 8)
        self.codes = Codes()

    def forward(self, x):
        return self.codes(self.encode(x)) * 2


example_inputs = torch.randn(4, 16)
""", straight=("code.detach()  # <-", "z + (code - z).detach()")),

    pair("NN314", "", "a whole forward under no_grad", """
class Embedder(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(16, 16), nn.ReLU())
        self.head = nn.Linear(16, 4)

    def forward(self, x):
        with torch.no_grad():@mark@
            h = self.backbone(x)
            @inside@
        @outside@


example_inputs = torch.randn(4, 16)
""", mark=("  # <-", ""), inside=("h = self.head(h)", "pass"), outside=("return h", "return self.head(h)")),

    pair("NN314", "", "a detour through NumPy", """
class Filter(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(16, 16)

    def forward(self, x):
        h = self.fc(x)
        @smooth@
        return h


example_inputs = torch.randn(4, 16)
""", smooth=("h = torch.from_numpy(h.data.numpy() * 0.5)  # <-", "h = h * 0.5")),

    pair("NN118", "stem.conv", "a stem whose bias the norm takes away", """
class Stem(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3@bias@)@mark@
        self.norm = nn.BatchNorm2d(width)

    def forward(self, x):
        return F.relu(self.norm(self.conv(x)))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = Stem()
        self.head = nn.Linear(8, 2)

    def forward(self, x):
        return self.head(self.stem(x).mean((2, 3)))


example_inputs = torch.randn(2, 3, 8, 8)
""", bias=("", ", bias=False"), mark=("  # <-", "")),

    pair("NN118", "project.0", "a projection head of self-supervised training", """
class Projector(nn.Module):
    def __init__(self):
        super().__init__()
        self.project = nn.Sequential(nn.Linear(16, 32@bias@), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 8))@mark@

    def forward(self, h):
        return F.normalize(self.project(h), dim=-1)


example_inputs = torch.randn(4, 16)
""", bias=("", ", bias=False"), mark=("  # <-", "")),

    pair("NN401", "drop", "a dropout that never hears of eval", """
class Drop(nn.Module):
    def forward(self, x):
        return F.dropout(x, 0.2@told@


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(16, 16)
        self.drop = Drop()
        self.out = nn.Linear(16, 2)

    def forward(self, x):
        return self.out(self.drop(self.fc(x)))


example_inputs = torch.randn(4, 16)
""", told=(")  # <-", ", training=self.training)")),
]  # fmt: skip
