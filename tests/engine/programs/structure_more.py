"""More faults that are known as soon as a model is built, each in another kind of program."""

from __future__ import annotations

from tests.engine.programs.pair import pair
from tests.engine.programs.structure import Pair


def _case(id_: str, path: str, name: str, body: str, **both: tuple[str, str]) -> Pair:
    """A program with places `@like_this@`, and what stands in each: first in the bad one, then in the mended one."""
    return Pair(*pair(id_, path, name, body, **both))


PAIRS = [
    _case("NN102", "adapters", "low-rank adapters of a GPT as pairs of weights", """
class Adapted(nn.Module):
    def __init__(self, vocabulary=40, width=16, rank=2, depth=2):
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        @adapters@
        self.rank = rank

    def forward(self, ids):
        x = self.tokens(ids)
        for layer, (down, up) in zip(self.layers, self.adapters):
            x = x + layer(x) + x @ down @ up
        return x @ self.tokens.weight.T
""", adapters=(
        "self.adapters = [(nn.Parameter(torch.randn(width, rank)), nn.Parameter(torch.zeros(rank, width))) "
        "for _ in range(depth)]  # <-",
        "self.adapters = nn.ModuleList(nn.ParameterList([torch.randn(width, rank), torch.zeros(rank, width)]) "
        "for _ in range(depth))",
    )),

    _case("NN105", "backbone.bn1", "a detector whose frozen norms are not put into eval", """
class Backbone(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)@mark@
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(x)))


class Detector(nn.Module):
    def __init__(self, anchors=3):
        super().__init__()
        self.backbone = Backbone()
        self.boxes = nn.Conv2d(8, 4 * anchors, 1)
        for module in self.backbone.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.requires_grad_(False)@eval@

    def forward(self, image):
        return self.boxes(self.backbone(image))
""", mark=("  # <-", ""), eval=("", ".eval()")),

    _case("NN106", "encoder", "a policy on top of an encoder that is frozen", """
class Policy(nn.Module):
    def __init__(self, observation=12, actions=4):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(observation, 32), nn.Tanh())@mark@
        self.actor = nn.Linear(32, actions)
        self.critic = nn.Linear(32, 1)
        self.@frozen@.requires_grad_(False)

    def forward(self, observation):
        h = self.encoder(observation)
        return self.actor(h), self.critic(h)
""", mark=("  # <-", ""), frozen=("encoder", "encoder[0].bias")),

    _case("NN106", "words", "a tagger whose table of words came frozen", """
class Tagger(nn.Module):
    def __init__(self, vocabulary=30, width=8, tags=5):
        super().__init__()
        vectors = torch.randn(vocabulary, width)
        self.words = nn.Embedding.from_pretrained(vectors@freeze@
        self.lstm = nn.LSTM(width, 16, bidirectional=True, batch_first=True)
        self.tags = nn.Linear(32, tags)

    def forward(self, ids):
        out, _ = self.lstm(self.words(ids))
        return self.tags(out)
""", freeze=(")  # <-", ", freeze=False)")),

    _case("NN107", "text", "a diffusion model with its text encoder in eval", """
class TextEncoder(nn.Module):
    def __init__(self, vocabulary=30, width=16):
        super().__init__()
        self.embed = nn.Embedding(vocabulary, width)
        self.layer = nn.TransformerEncoderLayer(width, 2, 32, batch_first=True)

    def forward(self, ids):
        return self.layer(self.embed(ids)).mean(1)


class Denoiser(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.text = TextEncoder(width=width)@mark@
        self.time = nn.Linear(1, width)
        self.net = nn.Sequential(nn.Linear(width, 32), nn.SiLU(), nn.Linear(32, width))
        @eval@

    def forward(self, x, t, ids):
        return self.net(x + self.time(t[:, None]) + self.text(ids))
""", mark=("  # <-", ""), eval=("self.text.eval()", "")),

    _case("NN107", "towers.user", "a recommender in eval but for one of its towers", """
class Tower(nn.Module):
    def __init__(self, count, width=8):
        super().__init__()
        self.table = nn.Embedding(count, width)
        self.mlp = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Dropout(0.2))

    def forward(self, ids):
        return self.mlp(self.table(ids))


class TwoTowers(nn.Module):
    def __init__(self):
        super().__init__()
        self.towers = nn.ModuleDict({"user": Tower(20), "item": Tower(30)})@mark@
        self.eval()
        @train@

    def forward(self, user, item):
        return (self.towers["user"](user) * self.towers["item"](item)).sum(-1)
""", mark=("  # <-", ""), train=('self.towers["user"].train()', "")),

    _case("NN109", "body.1", "a critic with the momentum of another framework", """
class Critic(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.body = nn.Sequential(@mark@
            nn.Conv2d(3, width, 4, 2, 1),
            nn.InstanceNorm2d(width, affine=True, track_running_stats=True, momentum=@momentum@),
            nn.LeakyReLU(0.2),
        )
        self.score = nn.Conv2d(width, 1, 4)

    def forward(self, image):
        return self.score(self.body(image))
""", mark=("  # <-", ""), momentum=("0.9", "0.1")),

    _case("NN109", "norm", "a recommender whose norm keeps the last batch alone", """
class WideAndDeep(nn.Module):
    def __init__(self, fields=(10, 20), width=4):
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(count, width) for count in fields)
        self.norm = nn.BatchNorm1d(width * len(fields), momentum=@momentum@
        self.out = nn.Linear(width * len(fields), 1)

    def forward(self, ids):
        x = torch.cat([table(ids[:, i]) for i, table in enumerate(self.tables)], -1)
        return self.out(self.norm(x))
""", momentum=("1.0)  # <-", "0.05)")),

    _case("NN110", "head.bias", "a tagger whose bias is the logarithm of how often each tag was seen", """
class Tagger(nn.Module):
    def __init__(self, vocabulary=30, width=8):
        super().__init__()
        seen = torch.tensor([120.0, 14.0, 0.0, 3.0])
        self.words = nn.Embedding(vocabulary, width)
        self.head = nn.Linear(width, len(seen))@mark@
        with torch.no_grad():
            self.head.bias.copy_(@prior@)

    def forward(self, ids):
        return self.head(self.words(ids))
""", mark=("  # <-", ""), prior=("(seen / seen.sum()).log()", "((seen + 1) / (seen + 1).sum()).log()")),

    _case("NN111", "body.1", "a policy that waits for the size of its pictures", """
class AtariPolicy(nn.Module):
    def __init__(self, actions=6):
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(4, 8, 8, 4), nn.ReLU(), nn.Conv2d(8, 8, 4, 2), nn.ReLU())
        self.body = nn.Sequential(nn.Flatten(), @linear@
        self.actions = nn.Linear(64, actions)

    def forward(self, frames):
        return self.actions(self.body(self.conv(frames)))
""", linear=("nn.LazyLinear(64), nn.ReLU())  # <-", "nn.Linear(8 * 9 * 9, 64), nn.ReLU())")),

    _case("NN111", "down.conv", "a U-Net whose first convolution learns its channels", """
class Down(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = @conv@
        self.pool = nn.MaxPool2d(2)

    def forward(self, x):
        skip = F.relu(self.conv(x))
        return self.pool(skip), skip


class UNet(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.down = Down(width)
        self.mid = nn.Conv2d(width, width, 3, padding=1)
        self.up = nn.ConvTranspose2d(width, width, 2, 2)
        self.out = nn.Conv2d(2 * width, 1, 1)

    def forward(self, image):
        x, skip = self.down(image)
        return self.out(torch.cat([self.up(self.mid(x)), skip], 1))
""", conv=("nn.LazyConv2d(width, 3, padding=1)  # <-", "nn.Conv2d(3, width, 3, padding=1)")),

    _case("NN112", "items.weight", "a recommender whose large table was never allocated", """
class Recommender(nn.Module):
    def __init__(self, users=20, items=50, width=8):
        super().__init__()
        self.users = nn.Embedding(users, width)
        self.items = nn.Embedding(items, width@device@
        self.mlp = nn.Sequential(nn.Linear(2 * width, 16), nn.ReLU(), nn.Linear(16, 1))

    def forward(self, user, item):
        return self.mlp(torch.cat([self.users(user), self.items(item)], -1))
""", device=(", device='meta')  # <-", ")")),

    _case("NN112", "prior_mean", "a VAE whose prior is on another device", """
class VAE(nn.Module):
    def __init__(self, latent=4):
        super().__init__()
        self.encode = nn.Linear(16, 2 * latent)
        self.decode = nn.Linear(latent, 16)
        self.register_buffer("prior_mean", torch.zeros(latent@device@

    def forward(self, x):
        mean, log_var = self.encode(x).chunk(2, -1)
        return self.decode(mean), (mean - self.prior_mean).pow(2).sum(-1)
""", device=(", device=torch.device('meta')))  # <-", "))")),

    _case("NN113", "places", "a GPT with one table in bfloat16", """
class GPT(nn.Module):
    def __init__(self, vocabulary=40, length=16, width=16):
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.places = nn.Embedding(length, width@dtype@
        self.block = nn.TransformerEncoderLayer(width, 2, 32, batch_first=True)
        self.head = nn.Linear(width, vocabulary, bias=False)

    def forward(self, ids):
        x = self.tokens(ids) + self.places(torch.arange(ids.shape[1], device=ids.device))
        return self.head(self.block(x))
""", dtype=(", dtype=torch.bfloat16)  # <-", ")")),

    _case("NN113", "moe.router", "a mixture of experts with a router in double precision", """
class MoE(nn.Module):
    def __init__(self, width=8, count=3):
        super().__init__()
        self.router = nn.Linear(width, count)@double@
        self.experts = nn.ModuleList(nn.Linear(width, width) for _ in range(count))

    def forward(self, x):
        shares = self.router(x.to(self.router.weight.dtype)).softmax(-1).to(x.dtype)
        return sum(shares[..., i : i + 1] * expert(x) for i, expert in enumerate(self.experts))


class Block(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.moe = MoE(width)

    def forward(self, x):
        return x + self.moe(self.norm(x))
""", double=(".double()  # <-", "")),

    _case("NN115", "experts.0", "experts that all begin as one", """
import copy


class Experts(nn.Module):
    def __init__(self, width=8, count=4):
        super().__init__()
        self.gate = nn.Linear(width, count)
        first = nn.Sequential(nn.Linear(width, 2 * width), nn.SiLU(), nn.Linear(2 * width, width))
        self.experts = @experts@

    def forward(self, x):
        shares = self.gate(x).softmax(-1)
        return sum(shares[..., i : i + 1] * expert(x) for i, expert in enumerate(self.experts))
""", experts=(
        "nn.ModuleList([first] + [copy.deepcopy(first) for _ in range(count - 1)])  # <-",
        "nn.ModuleList(nn.Sequential(nn.Linear(width, width), nn.SiLU()) for _ in range(count))",
    )),

    _case("NN115", "q1", "twin critics that are copies, so that the smaller of both is either", """
import copy


def critic(width):
    return nn.Sequential(nn.Linear(width, 32), nn.ReLU(), nn.Linear(32, 1))


class TwinCritic(nn.Module):
    def __init__(self, observation=8, action=2):
        super().__init__()
        self.q1 = critic(observation + action)@mark@
        self.q2 = @second@

    def forward(self, observation, action):
        both = torch.cat([observation, action], -1)
        return torch.min(self.q1(both), self.q2(both))
""", mark=("  # <-", ""), second=("copy.deepcopy(self.q1)", "critic(observation + action)")),

    _case("NN116", "down.1", "a U-Net that uses one norm at two places", """
class UNet(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        norm = nn.GroupNorm(2, width)
        self.down = nn.Sequential(nn.Conv2d(3, width, 3, 2, 1), norm, nn.SiLU())@mark@
        self.up = nn.Sequential(nn.ConvTranspose2d(width, width, 2, 2), @norm@, nn.SiLU())
        self.out = nn.Conv2d(width, 1, 1)

    def forward(self, image):
        return self.out(self.up(self.down(image)))
""", mark=("  # <-", ""), norm=("norm", "nn.GroupNorm(2, width)")),

    _case("NN116", "heads.0", "one detection head for three levels", """
class Head(nn.Module):
    def __init__(self, width, classes):
        super().__init__()
        self.tower = nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.ReLU())
        self.scores = nn.Conv2d(width, classes, 1)

    def forward(self, x):
        return self.scores(self.tower(x))


class Detector(nn.Module):
    def __init__(self, width=8, classes=5, levels=3):
        super().__init__()
        self.levels = nn.ModuleList(nn.Conv2d(3, width, 3, 2**i, 1) for i in range(levels))
        self.heads = @heads@

    def forward(self, image):
        return [head(level(image)) for level, head in zip(self.levels, self.heads)]
""", heads=(
        "nn.ModuleList([Head(width, classes)] * levels)  # <-",
        "nn.ModuleList([Head(width, classes) for _ in range(levels)])",
    )),

    _case("NN117", "head.weight", "a GPT whose head begins at zero", """
class GPT(nn.Module):
    def __init__(self, vocabulary=40, width=16):
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.block = nn.TransformerEncoderLayer(width, 2, 32, batch_first=True)
        self.head = nn.Linear(width, vocabulary, bias=False)@mark@
        self.apply(self.begin)

    def begin(self, module):
        if isinstance(module, nn.Linear) and module.out_features == 40:
            nn.init.@init@

    def forward(self, ids):
        return self.head(self.block(self.tokens(ids)))
""", mark=("  # <-", ""), init=("zeros_(module.weight)", "normal_(module.weight, std=0.02)")),

    _case("NN117", "users.weight", "a factorisation whose users all begin alike", """
class Factorisation(nn.Module):
    def __init__(self, users=20, items=30, width=8):
        super().__init__()
        self.users = nn.Embedding(users, width)@mark@
        self.items = nn.Embedding(items, width)
        nn.init.@init@

    def forward(self, user, item):
        return (self.users(user) * self.items(item)).sum(-1)
""", mark=("  # <-", ""), init=("constant_(self.users.weight, 0.1)", "normal_(self.users.weight, std=0.1)")),

    _case("NN119", "blocks.1.attend", "a ViT that keeps its attention maps", """
maps = []


class Block(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.attend = nn.MultiheadAttention(width, 2, batch_first=True)

    def forward(self, x):
        h = self.norm(x)
        return x + self.attend(h, h, h)[0]


class ViT(nn.Module):
    def __init__(self, width=16, depth=2):
        super().__init__()
        self.patch = nn.Conv2d(3, width, 4, 4)
        self.blocks = nn.Sequential(*[Block(width) for _ in range(depth)])
        @hook@

    def forward(self, image):
        return self.blocks(self.patch(image).flatten(2).transpose(1, 2)).mean(1)
""", hook=("self.blocks[-1].attend.register_forward_hook(lambda layer, args, out: maps.append(out[1]))  # <-", "")),

    _case("NN119", "body.0", "a critic whose gradients are clipped by a hook", """
class Critic(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(16, width), nn.LeakyReLU(0.2))
        self.score = nn.Linear(width, 1)
        @hook@

    @method@
        return @given@

    def forward(self, x):
        return self.score(self.body(x))
""", hook=("self.body[0].register_full_backward_hook(self.clip)", ""),
          method=("def clip(self, layer, before, behind):  # <-", "def clipped(self, before):"),
          given=("tuple(grad.clamp(-1, 1) if grad is not None else None for grad in before)",
                 "before.clamp(-1, 1)")),

    _case("NN120", "blocks.0.attend", "attention whose forward is misspelt, deep in a ViT", """
class Attend(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.qkv = nn.Linear(width, 3 * width)

    def @forward@
        q, k, v = self.qkv(x).chunk(3, -1)
        return F.scaled_dot_product_attention(q, k, v)


class Block(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.attend = Attend(width)

    def forward(self, x):
        return x + self.attend(self.norm(x))


class ViT(nn.Module):
    def __init__(self, width=16, depth=2):
        super().__init__()
        self.patch = nn.Conv2d(3, width, 4, 4)
        self.blocks = nn.Sequential(*[Block(width) for _ in range(depth)])

    def forward(self, image):
        return self.blocks(self.patch(image).flatten(2).transpose(1, 2)).mean(1)
""", forward=("forwrd(self, x):  # <-", "forward(self, x):")),

    _case("NN120", "", "a generator that is a list of layers", """
class Generator(nn.@base@
    def __init__(self, latent=8):
        super().__init__(@pass@[nn.Linear(latent, 32), nn.ReLU(), nn.Linear(32, 64), nn.Tanh()])

    def sample(self, count):
        return self(torch.randn(count, 8))
""", base=("ModuleList):  # <-", "Sequential):"), **{"pass": ("", "*")}),

    _case("NN121", "", "a U-Net that makes its layers before it is a module", """
class UNet(nn.Module):@mark@
    def __init__(self, width=8):
        @first@
        self.down = nn.Conv2d(3, width, 3, 2, 1)
        self.up = nn.ConvTranspose2d(width, 1, 2, 2)
        @last@

    def forward(self, image):
        return self.up(F.relu(self.down(image)))
""", mark=("  # <-", ""), first=("self.width = width", "super().__init__()"),
          last=("super().__init__()", "self.width = width")),

    _case("NN121", "", "an encoder in a VAE that forgets the parentheses", """
class Encoder(nn.Module):@mark@
    def __init__(self, latent):
        super().__init__@call@
        self.body = nn.Sequential(nn.Linear(16, 16), nn.ReLU())
        self.mean = nn.Linear(16, latent)

    def forward(self, x):
        return self.mean(self.body(x))


class VAE(nn.Module):
    def __init__(self, latent=4):
        super().__init__()
        self.encoder = Encoder(latent)
        self.decoder = nn.Linear(latent, 16)

    def forward(self, x):
        return self.decoder(self.encoder(x))
""", mark=("  # <-", ""), call=("", "()")),

    _case("NN121", "", "a policy that keeps a weight before it calls its base", """
class Actor(nn.Module):
    def __init__(self, observation, actions):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(observation, 16), nn.Tanh(), nn.Linear(16, actions))

    def forward(self, observation):
        return self.net(observation)


class Gaussian(Actor):@mark@
    def __init__(self, observation=6, actions=2):
        @first@
        @second@

    def forward(self, observation):
        return super().forward(observation), self.log_std.exp()


policy = Gaussian()
""", mark=("  # <-", ""),
          first=("self.log_std = nn.Parameter(torch.zeros(actions))", "super().__init__(observation, actions)"),
          second=("super().__init__(observation, actions)", "self.log_std = nn.Parameter(torch.zeros(actions))")),
]  # fmt: skip
