"""Small models in the style of tutorials and papers, none of which says what its inputs are."""

# mypy: disable-error-code="no-any-return"

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


def _double(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(),
        nn.Conv2d(outputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(),
    )  # fmt: skip


class UNet(nn.Module):
    """Five times halved: sides that are no multiple of 32 do not fit together again."""

    def __init__(self) -> None:
        super().__init__()
        widths = [4, 8, 8, 8, 8, 8]
        self.down = nn.ModuleList([_double(a, b) for a, b in zip([1, *widths], widths, strict=False)])
        self.up = nn.ModuleList([nn.ConvTranspose2d(8, 8, 2, 2) for _ in range(5)])
        self.merge = nn.ModuleList([_double(16, 8)] * 4 + [_double(12, 8)])
        self.head = nn.Conv2d(8, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        skips = []
        for down in self.down:
            x = down(x)
            skips.append(x)
            x = F.max_pool2d(x, 2) if len(skips) < 6 else x
        skips.pop()
        for up, merge in zip(self.up, self.merge, strict=True):
            x = merge(torch.cat([skips.pop(), up(x)], dim=1))
        return self.head(x)


class UnpaddedUNet(nn.Module):
    """As in the paper: convolutions without padding, skips cropped at a fixed number of pixels for one size alone."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.ReLU())
        self.b = nn.Sequential(nn.Conv2d(4, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.ReLU())
        self.up = nn.ConvTranspose2d(8, 4, 2, 2)
        self.head = nn.Conv2d(8, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        skip = self.a(x)
        x = self.up(self.b(F.max_pool2d(skip, 2)))
        return self.head(torch.cat([skip[:, :, 4:-4, 4:-4], x], 1))


class ViT(nn.Module):
    """Images of 224×224 in patches of 16, and a position for each patch."""

    def __init__(self, image_size: int = 224, patch: int = 16, dim: int = 32) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, dim, patch, patch)
        self.cls = nn.Parameter(torch.zeros(1, 1, dim))
        self.positions = nn.Parameter(torch.zeros(1, (image_size // patch) ** 2 + 1, dim))
        layer = nn.TransformerEncoderLayer(dim, 4, 64, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(dim, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls.expand(x.shape[0], -1, -1), x], dim=1) + self.positions
        return self.head(self.encoder(x)[:, 0])


class StrictViT(nn.Module):
    """Refuses every size but its own before it computes anything."""

    def __init__(self) -> None:
        super().__init__()
        self.image_size = (96, 96)
        self.proj = nn.Conv2d(3, 8, 8, 8)

    def forward(self, pixel_values: Tensor) -> Tensor:
        height, width = pixel_values.shape[-2:]
        if (height, width) != self.image_size:
            raise ValueError(f"image of {height}x{width} does not match the model")
        return self.proj(pixel_values).flatten(2)


class GPT(nn.Module):
    """A block size of 8: shorter than what one would try first."""

    def __init__(self, vocab: int = 65, block_size: int = 8, width: int = 16) -> None:
        super().__init__()
        self.block_size = block_size
        self.token = nn.Embedding(vocab, width)
        self.position = nn.Embedding(block_size, width)
        self.qkv = nn.Linear(width, 3 * width)
        self.tril: Tensor
        self.register_buffer("tril", torch.tril(torch.ones(block_size, block_size)))
        self.head = nn.Linear(width, vocab)

    def forward(self, idx: Tensor, targets: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        _, time = idx.shape
        assert time <= self.block_size, "cannot forward: longer than the block size"
        x = self.token(idx) + self.position(torch.arange(time, device=idx.device))
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        scores = q @ k.transpose(-2, -1) / math.sqrt(q.size(-1))
        scores = scores.masked_fill(self.tril[:time, :time] == 0, float("-inf")).softmax(-1)
        logits = self.head(scores @ v)
        loss = None if targets is None else F.cross_entropy(logits.flatten(0, 1), targets.flatten())
        return logits, loss


class Tagger(nn.Module):
    """Sentences with their lengths, packed."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(50, 8, padding_idx=0)
        self.lstm = nn.LSTM(8, 8, batch_first=True, bidirectional=True)
        self.head = nn.Linear(16, 5)

    def forward(self, sentences: Tensor, lengths: Tensor) -> Tensor:
        packed = pack_padded_sequence(self.embed(sentences), lengths.cpu(), batch_first=True, enforce_sorted=False)
        out, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
        return self.head(out)


class VAE(nn.Module):
    """The one of PyTorch's examples: flattens 784 values itself."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc21, self.fc22 = nn.Linear(784, 40), nn.Linear(40, 5), nn.Linear(40, 5)
        self.fc3, self.fc4 = nn.Linear(5, 40), nn.Linear(40, 784)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        h = F.relu(self.fc1(x.view(-1, 784)))
        mu, logvar = self.fc21(h), self.fc22(h)
        z = mu + torch.randn_like(mu) * torch.exp(0.5 * logvar)
        return torch.sigmoid(self.fc4(F.relu(self.fc3(z)))), mu, logvar


class Generator(nn.Module):
    """DCGAN: noise of [batch, 16, 1, 1]."""

    def __init__(self) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.ConvTranspose2d(16, 8, 4, 1, 0, bias=False), nn.BatchNorm2d(8), nn.ReLU(True),
            nn.ConvTranspose2d(8, 3, 4, 2, 1, bias=False), nn.Tanh(),
        )  # fmt: skip

    def forward(self, z: Tensor) -> Tensor:
        return self.main(z)


class FlatGenerator(nn.Module):
    """Noise of [batch, 16], viewed as an image of one pixel."""

    def __init__(self) -> None:
        super().__init__()
        self.latent_dim = 16
        self.up = nn.ConvTranspose2d(16, 3, 4)

    def forward(self, z: Tensor) -> Tensor:
        return self.up(z.view(-1, self.latent_dim, 1, 1))


class Discriminator(nn.Module):
    """DCGAN: one number for an image of 64×64, by convolutions alone."""

    def __init__(self) -> None:
        super().__init__()
        blocks = [
            nn.Sequential(nn.Conv2d(a, b, 4, 2, 1), nn.LeakyReLU(0.2)) for a, b in ((3, 4), (4, 8), (8, 8), (8, 8))
        ]
        self.main = nn.Sequential(*blocks, nn.Conv2d(8, 1, 4, 1, 0), nn.Sigmoid())

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - its name in the tutorial
        return self.main(input).view(-1, 1).squeeze(1)


class Siamese(nn.Module):
    """Two images of 28×28, one network."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(1, 4, 5), nn.ReLU(), nn.MaxPool2d(2))
        self.fc = nn.Linear(4 * 12 * 12, 8)
        self.out = nn.Linear(8, 1)

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        one, other = (self.fc(self.conv(x).flatten(1)) for x in (x1, x2))
        return self.out((one - other).abs())


class Seq2Seq(nn.Module):
    """Two vocabularies, of different sizes."""

    def __init__(self) -> None:
        super().__init__()
        self.source = nn.Embedding(40, 8)
        self.target = nn.Embedding(30, 8)
        self.encoder = nn.GRU(8, 12, batch_first=True)
        self.decoder = nn.GRU(8, 12, batch_first=True)
        self.head = nn.Linear(12, 30)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        _, hidden = self.encoder(self.source(src))
        return self.head(self.decoder(self.target(tgt), hidden)[0])


class Perceptron(nn.Module):
    """Flattens with view(x.size(0), -1)."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(28 * 28, 32), nn.ReLU(), nn.Linear(32, 10))

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x.view(x.size(0), -1))


class Recommender(nn.Module):
    """Matrix factorisation: one user and one item for each sample."""

    def __init__(self) -> None:
        super().__init__()
        self.users = nn.Embedding(20, 4)
        self.items = nn.Embedding(7, 4)

    def forward(self, user_ids: Tensor, item_ids: Tensor) -> Tensor:
        return (self.users(user_ids) * self.items(item_ids)).sum(-1)


class GraphConvolution(nn.Module):
    """Two layers of a GCN over a dense adjacency matrix."""

    def __init__(self) -> None:
        super().__init__()
        self.w1 = nn.Parameter(torch.randn(12, 8))
        self.w2 = nn.Parameter(torch.randn(8, 3))

    def forward(self, x: Tensor, adj: Tensor) -> Tensor:
        x = F.relu(torch.mm(adj, torch.mm(x, self.w1)))
        return F.log_softmax(torch.mm(adj, torch.mm(x, self.w2)), dim=1)


class Denoiser(nn.Module):
    """Diffusion: an image, and the step that it is at."""

    def __init__(self) -> None:
        super().__init__()
        self.time = nn.Sequential(nn.Linear(16, 16), nn.SiLU(), nn.Linear(16, 8))
        self.inside = nn.Conv2d(3, 8, 3, padding=1)
        self.out = nn.Conv2d(8, 3, 3, padding=1)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        frequencies = torch.exp(-math.log(10000) * torch.arange(8, device=x.device) / 8)
        angles = t[:, None].float() * frequencies[None]
        emb = self.time(torch.cat([angles.sin(), angles.cos()], dim=-1))
        return self.out(F.silu(self.inside(x) + emb[:, :, None, None]))


class M5(nn.Module):
    """Raw sound in one channel, with a first kernel of 80 samples."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(1, 8, 80, stride=16)
        self.pool = nn.MaxPool1d(4)
        self.conv2 = nn.Conv1d(8, 8, 3)
        self.fc = nn.Linear(8, 35)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv2(self.pool(F.relu(self.conv1(x))))
        return self.fc(F.avg_pool1d(x, x.shape[-1]).permute(0, 2, 1))


class Video(nn.Module):
    """Sixteen frames of 32×32, flattened."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv3d(3, 4, 3, padding=1)
        self.pool = nn.MaxPool3d(2)
        self.fc = nn.Linear(4 * 8 * 8 * 8, 5)

    def forward(self, clip: Tensor) -> Tensor:
        return self.fc(self.pool(self.conv(clip)).flatten(1))


class Multimodal(nn.Module):
    """An image and a text."""

    def __init__(self) -> None:
        super().__init__()
        self.visual = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.words = nn.EmbeddingBag(30, 4)
        self.head = nn.Linear(8, 2)

    def forward(self, image: Tensor, text: Tensor) -> Tensor:
        return self.head(torch.cat([self.visual(image), self.words(text)], 1))


class Keywords(nn.Module):
    """Takes what it needs out of **kwargs."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(10, 4)
        self.fc = nn.Linear(4, 2)

    def forward(self, **inputs: Tensor) -> Tensor:
        return self.fc(self.embed(inputs["input_ids"]) * inputs["attention_mask"][..., None])


class Many(nn.Module):
    """Takes as many tensors as it gets."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(6, 2)

    def forward(self, *xs: Tensor) -> Tensor:
        return sum(self.fc(x) for x in xs) + 0


class Batch(nn.Module):
    """Takes a dict as a data loader gives it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.embed = nn.Embedding(9, 4)

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        return self.conv(batch["image"]).mean((2, 3)) + self.embed(batch["label"])


class UndeclaredBatch(nn.Module):
    """The same, without saying so."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(6, 4)

    def forward(self, batch):  # type: ignore[no-untyped-def]
        return self.fc(batch["features"])


class Attention(nn.Module):
    """Query, key and value of a width, and a mask of padding that may be left out."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(12, 3, batch_first=True)

    def forward(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None) -> Tensor:
        return self.attention(query, key, value, key_padding_mask=mask)[0]


class Masked(nn.Module):
    """Its mask is required."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(20, 8)
        self.fc = nn.Linear(8, 2)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        x = self.embed(input_ids)
        scores = x.mean(-1).masked_fill(attention_mask == 0, float("-inf")).softmax(-1)
        return self.fc((x * scores[..., None]).sum(1))


class Recurrent(nn.Module):
    """A state goes in beside the input, as in the language model of PyTorch's examples."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Embedding(33, 8)
        self.rnn = nn.LSTM(8, 12, 2)
        self.decoder = nn.Linear(12, 33)

    def forward(self, input, hidden):  # type: ignore[no-untyped-def] # noqa: A002 - their names in the example
        output, hidden = self.rnn(self.encoder(input), hidden)
        return F.log_softmax(self.decoder(output).view(-1, 33), dim=1), hidden


class Stepper(nn.Module):
    """The character RNN of the tutorials: cat of input and hidden."""

    def __init__(self) -> None:
        super().__init__()
        self.i2h = nn.Linear(57 + 16, 16)
        self.h2o = nn.Linear(16, 18)

    def forward(self, line: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        hidden = torch.tanh(self.i2h(torch.cat((line, hidden), 1)))
        return self.h2o(hidden), hidden


class CNN28(nn.Module):
    """PyTorch's MNIST example: 9216 = 64×12×12 for 28×28."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 4, 3, 1), nn.Conv2d(4, 8, 3, 1)
        self.fc1, self.fc2 = nn.Linear(8 * 12 * 12, 16), nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv2(F.relu(self.conv1(x)))), 2)
        return F.log_softmax(self.fc2(F.relu(self.fc1(torch.flatten(x, 1)))), dim=1)


class Viewed(nn.Module):
    """The first network of PyTorch's tutorials: view(-1, 16 * 5 * 5), for images of 32×32."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 6, 5), nn.Conv2d(6, 16, 5)
        self.pool = nn.MaxPool2d(2, 2)
        self.fc = nn.Linear(16 * 5 * 5, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(F.relu(self.conv2(self.pool(F.relu(self.conv1(x))))))
        return self.fc(x.view(-1, 16 * 5 * 5))


class AlexNet(nn.Module):
    """Too deep for 32×32, and wants 227 or so."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 11, 4, 2), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Conv2d(8, 8, 5, padding=2), nn.ReLU(),
            nn.MaxPool2d(3, 2), nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2),
        )  # fmt: skip
        self.classifier = nn.Linear(8 * 6 * 6, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(torch.flatten(self.features(x), 1))


class Gated(nn.Module):
    """Decides by values."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(6, 4), nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.a(x) if x.sum().item() > 0 else self.b(x)


class PointNet(nn.Module):
    """Clouds of points, [batch, points, 3], transposed for Conv1d."""

    def __init__(self) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Conv1d(3, 8, 1), nn.BatchNorm1d(8), nn.ReLU())
        self.fc = nn.Linear(8, 4)

    def forward(self, points: Tensor) -> Tensor:
        return self.fc(self.mlp(points.transpose(1, 2)).max(dim=-1).values)


class Text(nn.Module):
    """Kim's convolutions over words, of widths up to 5."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(100, 12)
        self.convs = nn.ModuleList([nn.Conv2d(1, 4, (k, 12)) for k in (3, 4, 5)])
        self.fc = nn.Linear(12, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x).unsqueeze(1)
        pooled = [F.relu(conv(x)).squeeze(3).max(-1).values for conv in self.convs]
        return self.fc(torch.cat(pooled, 1))


class Conditional(nn.Module):
    """A generator that is told a class."""

    def __init__(self) -> None:
        super().__init__()
        self.label = nn.Embedding(10, 10)
        self.net = nn.Sequential(nn.Linear(20 + 10, 16), nn.ReLU(), nn.Linear(16, 784))

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        return self.net(torch.cat([self.label(labels), z], 1)).view(-1, 1, 28, 28)


class Forecast(nn.Module):
    """A window of exactly 24 steps of 7 series: the steps go through a Linear, transposed."""

    def __init__(self) -> None:
        super().__init__()
        self.over_time = nn.Linear(24, 12)
        self.over_series = nn.Linear(7, 7)

    def forward(self, x: Tensor) -> Tensor:
        return self.over_series(self.over_time(x.transpose(1, 2)).transpose(1, 2))


class Mixer(nn.Module):
    """Tokens and channels mixed in turn: the number of patches is fixed."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 12, 8, 8)
        self.tokens = nn.Linear(36, 36)
        self.channels = nn.Linear(12, 12)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2)
        x = x + self.tokens(x)
        return self.channels(x.transpose(1, 2)).mean(1)


class Unpacked(nn.Module):
    """Takes the shape of its input apart, with no layer to tell its rank."""

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        return x.reshape(batch, channels, height * width).mean(-1)


class Spectrogram(nn.Module):
    """[batch, time, 80] through Linear and GRU."""

    def __init__(self) -> None:
        super().__init__()
        self.prenet = nn.Linear(80, 16)
        self.gru = nn.GRU(16, 8)

    def forward(self, mel: Tensor) -> Tensor:
        return self.gru(self.prenet(mel).permute(1, 0, 2))[0]


class Radiance(nn.Module):
    """A field of NeRF: positions and directions in one row, split by their sizes."""

    def __init__(self) -> None:
        super().__init__()
        self.points = nn.Linear(63, 16)
        self.views = nn.Linear(27 + 16, 3)

    def forward(self, x: Tensor) -> Tensor:
        points, views = torch.split(x, [63, 27], dim=-1)
        return self.views(torch.cat([F.relu(self.points(points)), views], -1))


class Window(nn.Module):
    """A transformer over 96 steps exactly, with a learned position for each."""

    def __init__(self) -> None:
        super().__init__()
        self.proj = nn.Linear(9, 16)
        self.positions = nn.Parameter(torch.zeros(1, 96, 16))
        self.encoder = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
        self.head = nn.Linear(16 * 96, 24)

    def forward(self, series: Tensor) -> Tensor:
        return self.head(self.encoder(self.proj(series) + self.positions).flatten(1))


class Images(nn.Module):
    """A list of single images, as detectors take them."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, images: list[Tensor]) -> list[Tensor]:
        return [self.conv(image[None]) for image in images]


class Paired(nn.Module):
    """One argument, which is a pair."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Linear(5, 3), nn.Linear(7, 3)

    def forward(self, inputs: Any) -> Tensor:
        left, right = inputs
        return self.left(left) + self.right(right)


class WideAndDeep(nn.Module):
    """Three ids and five numbers for each sample."""

    def __init__(self) -> None:
        super().__init__()
        self.tables = nn.ModuleList([nn.Embedding(count, 4) for count in (10, 20, 30)])
        self.mlp = nn.Sequential(nn.Linear(12 + 5, 8), nn.ReLU(), nn.Linear(8, 1))

    def forward(self, sparse: Tensor, dense: Tensor) -> Tensor:
        found = [table(sparse[:, place]) for place, table in enumerate(self.tables)]
        return self.mlp(torch.cat([*found, dense], 1))


MODELS: dict[str, type[Any]] = {
    kind.__name__: kind
    for kind in list(vars().values())
    if isinstance(kind, type) and issubclass(kind, nn.Module) and kind.__module__ == __name__
}
"""All of them by name."""
