"""Faults that show in values while a model runs: NaN, dead and saturated units, scales, masked rows."""

from __future__ import annotations

from tests.engine.programs.pair import pair

PAIRS = [
    pair("NN301", "decoder", "VAE whose decoder takes the logarithm of zero", """
class Encoder(nn.Module):
    def __init__(self, width=32, latent=8):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(64, width), nn.ReLU())
        self.mean = nn.Linear(width, latent)
        self.log_var = nn.Linear(width, latent)

    def forward(self, x):
        h = self.body(x)
        return self.mean(h), self.log_var(h)


class Decoder(nn.Module):
    def __init__(self, latent=8, width=32):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(latent, width), nn.ReLU(), nn.Linear(width, 64))

    def forward(self, z):
        rate = torch.relu(self.body(z))
        return @log@


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = Encoder()
        self.decoder = Decoder()

    def forward(self, x):
        mean, log_var = self.encoder(x)
        z = mean + torch.randn_like(mean) * (0.5 * log_var).exp() if self.training else mean
        return self.decoder(z), mean, log_var


example_inputs = torch.randn(4, 64)
""", log=("torch.log(rate)  # <-", "torch.log(rate + 1e-6)")),

    pair("NN301", "pool", "attention pooling that divides by an empty mask", """
class MaskedMean(nn.Module):
    def forward(self, tokens, mask):
        mask = mask.unsqueeze(-1).to(tokens.dtype)
        total = (tokens * mask).sum(1)
        return @mean@


class Sentence(nn.Module):
    def __init__(self, vocabulary=100, width=16):
        super().__init__()
        self.embed = nn.Embedding(vocabulary, width)
        self.pool = MaskedMean()
        self.head = nn.Linear(width, 3)

    def forward(self, ids, mask):
        return self.head(self.pool(self.embed(ids), mask))


mask = torch.ones(4, 6, dtype=torch.bool)
mask[2] = False
example_inputs = (torch.randint(0, 100, (4, 6)), mask)
""", mean=("total / mask.sum(1)  # <-", "total / mask.sum(1).clamp(min=1)")),

    pair("NN301", "", "half precision that overflows", """
class Energy(nn.Module):
    def __init__(self):
        super().__init__()
        self.proj = nn.Linear(16, 16)

    def forward(self, x):
        h = self.proj(x) * 200
        energy = @square@
        return energy.float().mean(-1)


example_inputs = torch.randn(4, 16) * 3
""", square=("h.half().pow(2)  # <-", "h.pow(2)")),

    pair("NN301", "normal", "surface normals of zero length", """
class Normals(nn.Module):
    def forward(self, depth):
        dx = F.pad(depth[..., 1:] - depth[..., :-1], (0, 1))
        dy = F.pad(depth[..., 1:, :] - depth[..., :-1, :], (0, 0, 0, 1))
        normal = torch.cat([dx, dy], 1)
        return @unit@


class Shape(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 1, 3, padding=1, bias=False)
        self.normal = Normals()
        self.head = nn.Conv2d(2, 4, 1)

    def forward(self, image):
        return self.head(self.normal(torch.relu(self.stem(image))))


image = torch.randn(2, 1, 16, 16)
image[:, :, 4:12, 4:12] = 0
example_inputs = image
""", unit=("normal / normal.norm(dim=1, keepdim=True)  # <-", "F.normalize(normal, dim=1)")),

    pair("NN305", "features.act", "a detector whose ReLU never opens", """
class Features(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3, padding=1)
        self.act = nn.ReLU()
        @init@

    def forward(self, image):
        return self.act(self.conv(image))  # <-


class Detector(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        self.features = Features(width)
        self.boxes = nn.Conv2d(width, 4, 1)

    def forward(self, image):
        x = self.features(image)
        return self.boxes(x)


example_inputs = torch.randn(2, 3, 24, 24)
""", init=("nn.init.constant_(self.conv.bias, -8.0)", "nn.init.zeros_(self.conv.bias)")),

    pair("NN305", "", "half of the channels pushed below zero", """
class Critic(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        self.stem = nn.Conv1d(4, width, 3, padding=1)
        self.head = nn.Conv1d(width, 1, 1)
        with torch.no_grad():
            self.stem.bias[: width // 2] = @bias@

    def forward(self, signal):
        h = F.relu(self.stem(signal))  # <-
        return self.head(h)


example_inputs = torch.randn(4, 4, 128)
""", bias=("-30.0", "0.1")),

    pair("NN306", "gate", "a gate fed with pixels from 0 to 255", """
class Gate(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(64, 32)

    def forward(self, x):
        return torch.tanh(self.fc(x))  # <-


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate = Gate()
        self.out = nn.Linear(32, 2)

    def forward(self, pixels):
        return self.out(self.gate(@scaled@))


example_inputs = torch.rand(4, 64) * 255
""", scaled=("pixels", "pixels / 255 - 0.5")),

    pair("NN306", "gru.update", "an own recurrent cell with weights drawn too wide", """
class Cell(nn.Module):
    def __init__(self, size=16):
        super().__init__()
        self.lift = nn.Linear(size * 2, size)
        self.update = nn.Sigmoid()
        nn.init.normal_(self.lift.weight, std=@std@)

    def forward(self, x, h):
        z = self.update(self.lift(torch.cat([x, h], -1)))  # <-
        return z * h + (1 - z) * x


class Recurrent(nn.Module):
    def __init__(self, size=16):
        super().__init__()
        self.gru = Cell(size)

    def forward(self, x):
        h = torch.zeros_like(x[:, 0])
        for step in range(x.shape[1]):
            h = self.gru(x[:, step], h)
        return h


example_inputs = torch.randn(4, 5, 16)
""", std=("200.0", "0.1")),

    pair("NN307", "layers.0", "a deep perceptron whose weights are drawn from a standard normal", """
class Perceptron(nn.Module):
    def __init__(self, width=128, depth=8):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.head = nn.Linear(width, 10)
        for layer in self.layers:
            @init@
            nn.init.zeros_(layer.bias)

    def forward(self, x):
        for layer in self.layers:
            x = F.relu(layer(x))  # <-
        return self.head(x)


example_inputs = torch.randn(4, 128)
""", init=("nn.init.normal_(layer.weight)", "nn.init.kaiming_normal_(layer.weight)")),

    pair("NN307", "blocks.0.conv", "a generator whose small weights let everything fade", """
class Up(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.ConvTranspose2d(width, width, 4, 2, 1, bias=False)
        nn.init.normal_(self.conv.weight, std=@std@)

    def forward(self, x):
        return F.leaky_relu(self.conv(x), 0.2)  # <-


class Generator(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.blocks = nn.Sequential(*[Up(width) for _ in range(4)])
        self.out = nn.Conv2d(width, 3, 3, padding=1)

    def forward(self, z):
        return torch.tanh(self.out(self.blocks(z)))


example_inputs = torch.randn(2, 16, 2, 2)
""", std=("0.001", "0.12")),

    pair("NN307", "body.0", "a restoration network whose body is drawn with a hundredth of what it needs", """
class Restorer(nn.Module):
    def __init__(self, width=16, depth=6):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        body = []
        for _ in range(depth):
            conv = nn.Conv2d(width, width, 3, padding=1, bias=False)
            nn.init.@init@
            body += [conv, nn.ReLU()]
        self.body = nn.Sequential(*body)
        self.out = nn.Conv2d(width, 3, 3, padding=1)

    def forward(self, image):
        x = self.stem(image)
        x = self.body(x)  # <-
        return image + self.out(x)


example_inputs = torch.randn(2, 3, 16, 16)
""", init=("normal_(conv.weight, std=0.002)", "kaiming_normal_(conv.weight)")),

    pair("NN307", "blocks.4.fc", "a perceptron with one block of a wrong scale", """
class Block(nn.Module):
    def __init__(self, width, gain):
        super().__init__()
        self.fc = nn.Linear(width, width)
        nn.init.normal_(self.fc.weight, std=gain * width**-0.5)

    def forward(self, x):
        return torch.relu(self.fc(x))  # <-


class Perceptron(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        self.inp = nn.Linear(20, width)
        self.blocks = nn.Sequential(*[Block(width, @gain@ if i == 4 else 1.4) for i in range(6)])
        self.out = nn.Linear(width, 2)

    def forward(self, x):
        return self.out(self.blocks(self.inp(x)))


example_inputs = torch.randn(8, 20)
""", gain=("1e6", "1.4")),

    pair("NN310", "attention", "a padding mask with the opposite meaning", """
class Tagger(nn.Module):
    def __init__(self, vocabulary=50, width=16):
        super().__init__()
        self.embed = nn.Embedding(vocabulary, width)
        self.attention = nn.MultiheadAttention(width, 4, batch_first=True)
        self.head = nn.Linear(width, 5)

    def forward(self, ids):
        keep = ids > 0
        x = self.embed(ids)
        x, _ = self.attention(x, x, x, key_padding_mask=@mask@
        return self.head(x)


example_inputs = torch.randint(1, 50, (3, 7))
""", mask=("keep)  # <-", "~keep)")),

    pair("NN310", "block.attn", "hand-written attention over a sample that is all padding", """
class Attention(nn.Module):
    def __init__(self, width=16, heads=2):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x, padding):
        B, T, C = x.shape
        q, k, v = self.qkv(x).view(B, T, 3, self.heads, C // self.heads).permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-2, -1) / math.sqrt(C // self.heads)
        scores = scores.masked_fill(padding[:, None, None, :], float("-inf"))
        weights = scores.softmax(-1)  # <-
        return self.proj((weights @ v).transpose(1, 2).reshape(B, T, C))


class Block(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.attn = Attention(width)

    def forward(self, x, padding):
        return x + self.attn(self.norm(x), padding)


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = Block()

    def forward(self, x, padding):
        return self.block(x, padding)


padding = torch.zeros(3, 5, dtype=torch.bool)
padding[1, @from@:] = True
example_inputs = (torch.randn(3, 5, 16), padding)
""", **{"from": ("0", "2")}),
]  # fmt: skip
