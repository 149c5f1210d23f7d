"""More faults that show while a model runs, each in another kind of program."""

from __future__ import annotations

from tests.engine.programs.pair import pair

PAIRS = [
    pair("NN118", "decoder.up", "a decoder whose transposed convolution has a bias before its norm", """
class Decoder(nn.Module):
    def __init__(self, latent=4, width=8):
        super().__init__()
        self.grow = nn.Linear(latent, width * 16)
        self.up = nn.ConvTranspose2d(width, width, 4, 2, 1@bias@
        self.norm = nn.BatchNorm2d(width)
        self.out = nn.Conv2d(width, 1, 3, padding=1)

    def forward(self, z):
        x = self.grow(z).view(len(z), -1, 4, 4)
        x = self.up(x)
        return torch.sigmoid(self.out(F.leaky_relu(self.norm(x), 0.1)))


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 8))
        self.decoder = Decoder()

    def forward(self, image):
        mean, log_var = self.encoder(image).chunk(2, -1)
        return self.decoder(mean), mean, log_var


example_inputs = torch.rand(3, 1, 8, 8)
""", bias=(")  # <-", ", bias=False)")),

    pair("NN302", "skip2", "a U-Net with a projection of a skip that is left out", """
class UNet(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.down1 = nn.Conv2d(3, width, 3, padding=1)
        self.down2 = nn.Conv2d(width, width, 3, padding=1)
        self.skip1 = nn.Conv2d(width, width, 1)
        self.skip2 = nn.Conv2d(width, width, 1)@mark@
        self.middle = nn.Conv2d(width, width, 3, padding=1)
        self.up2 = nn.Conv2d(2 * width, width, 3, padding=1)
        self.up1 = nn.Conv2d(2 * width, width, 3, padding=1)
        self.out = nn.Conv2d(width, 1, 1)

    def forward(self, image):
        first = F.relu(self.down1(image))
        second = F.relu(self.down2(F.max_pool2d(first, 2)))
        x = F.interpolate(F.relu(self.middle(F.max_pool2d(second, 2))), scale_factor=2)
        x = F.relu(self.up2(torch.cat([x, @second@], 1)))
        x = F.interpolate(x, scale_factor=2)
        x = F.relu(self.up1(torch.cat([x, self.skip1(first)], 1)))
        return self.out(x)


example_inputs = torch.randn(2, 3, 16, 16)
""", mark=("  # <-", ""), second=("self.skip1(second)", "self.skip2(second)")),

    pair("NN303", "blocks.0.attend", "a GPT whose attention sums to 1 over the batch", """
class Attend(nn.Module):
    def __init__(self, width=16, heads=2, length=12):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.register_buffer("mask", torch.tril(torch.ones(length, length)), persistent=False)

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = [part.view(B, T, self.heads, -1).transpose(1, 2) for part in self.qkv(x).chunk(3, -1)]
        scores = q @ k.transpose(-2, -1) / math.sqrt(C // self.heads)
        scores = scores.masked_fill(self.mask[:T, :T] == 0, -1e9)
        weights = torch.softmax(scores, dim=@dim@
        return self.out((weights @ v).transpose(1, 2).reshape(B, T, C))


class Block(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.attend = Attend(width)

    def forward(self, x):
        return x + self.attend(self.norm(x))


class GPT(nn.Module):
    def __init__(self, vocabulary=50, width=16, depth=1):
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.blocks = nn.ModuleList(Block(width) for _ in range(depth))
        self.head = nn.Linear(width, vocabulary)

    def forward(self, ids):
        x = self.tokens(ids)
        for block in self.blocks:
            x = block(x)
        return self.head(x)


example_inputs = torch.randint(0, 50, (3, 9))
""", dim=("0)  # <-", "-1)")),
    pair("NN303", "pool", "a reader whose attention pooling sums to 1 over the batch", """
class Pool(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.score = nn.Linear(width, 1)

    def forward(self, x):
        weights = torch.softmax(self.score(x), dim=@dim@
        return (weights * x).sum(1)


class Reader(nn.Module):
    def __init__(self, vocabulary=50, width=16):
        super().__init__()
        self.words = nn.Embedding(vocabulary, width)
        self.pool = Pool(width)
        self.out = nn.Linear(width, 2)

    def forward(self, ids):
        return self.out(self.pool(self.words(ids)))


example_inputs = torch.randint(0, 50, (3, 9))
""", dim=("0)  # <-", "1)")),

    pair("NN304", "share", "an actor and critic that hand out probabilities", """
class ActorCritic(nn.Module):
    def __init__(self, observation=6, actions=4):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(observation, 32), nn.Tanh())
        self.actor = nn.Linear(32, actions)
        self.critic = nn.Linear(32, 1)
        self.share = nn.Softmax(dim=-1)

    def forward(self, observation):
        h = self.body(observation)
        logits = self.actor(h)
        return @actions@


example_inputs = torch.randn(5, 6)
""", actions=("self.share(logits), self.critic(h)  # <-", "logits, self.critic(h)")),

    pair("NN305", "down.act", "a U-Net whose first filters are negative where pixels never are", """
class Down(nn.Module):
    def __init__(self, inside, width):
        super().__init__()
        self.conv = nn.Conv2d(inside, width, 3, padding=1, bias=False)
        self.act = nn.ReLU(inplace=True)

    def forward(self, x):
        return self.act(self.conv(x))  # <-


class UNet(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.down = Down(1, width)
        self.middle = nn.Conv2d(width, width, 3, 2, 1)
        self.up = nn.ConvTranspose2d(width, width, 2, 2)
        self.out = nn.Conv2d(2 * width, 1, 1)
        with torch.no_grad():
            self.down.conv.weight@sign@

    def forward(self, image):
        skip = self.down(image)
        return self.out(torch.cat([self.up(self.middle(skip)), skip], 1))


example_inputs = torch.rand(2, 1, 16, 16)
""", sign=(".abs_().neg_()", ".mul_(1.0)")),

    pair("NN306", "", "a recommender whose products are far too large for a sigmoid", """
class Factorisation(nn.Module):
    def __init__(self, users=100, items=200, width=64):
        super().__init__()
        self.users = nn.Embedding(users, width)
        self.items = nn.Embedding(items, width)
        for table in (self.users, self.items):
            nn.init.normal_(table.weight, std=@std@)

    def forward(self, user, item):
        score = (self.users(user) * self.items(item)).sum(-1)
        return torch.sigmoid(score)  # <-


example_inputs = (torch.arange(64), torch.arange(64) * 3)
""", std=("5.0", "0.1")),

    pair("NN307", "blocks.0.conv", "a temporal network with weights drawn as if it had one input", """
class Temporal(nn.Module):
    def __init__(self, width, dilation):
        super().__init__()
        self.conv = nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation)

    def forward(self, x):
        return torch.relu(self.conv(x))  # <-


class Forecast(nn.Module):
    def __init__(self, width=32, depth=6):
        super().__init__()
        self.blocks = nn.Sequential(*[Temporal(width, 2**i) for i in range(depth)])
        self.out = nn.Conv1d(width, 1, 1)
        for block in self.blocks:
            nn.init.@init@

    def forward(self, series):
        return self.out(self.blocks(series))[..., -1]


example_inputs = torch.randn(4, 32, 64)
""", init=("normal_(block.conv.weight)", "kaiming_normal_(block.conv.weight, nonlinearity='relu')")),

    pair("NN308", "merge", "a U-Net that makes its convolution to fit, each time", """
class Merge(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.width = width
        self.squeeze = nn.Conv2d(2 * width, width, 1)

    def forward(self, x, skip):
        x = torch.cat([x, skip], 1)
        if x.shape[1] != self.width:
            x = @conv@
        return F.relu(x)


class UNet(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.down = nn.Conv2d(3, width, 3, padding=1)
        self.middle = nn.Conv2d(width, width, 3, 2, 1)
        self.up = nn.ConvTranspose2d(width, width, 2, 2)
        self.merge = Merge(width)
        self.out = nn.Conv2d(width, 1, 1)

    def forward(self, image):
        skip = F.relu(self.down(image))
        return self.out(self.merge(self.up(self.middle(skip)), skip))


example_inputs = torch.randn(2, 3, 16, 16)
""", conv=("nn.Conv2d(x.shape[1], self.width, 1)(x)  # <-", "self.squeeze(x)")),

    pair("NN310", "encoder", "a recommender for a user who has bought nothing", """
class History(nn.Module):
    def __init__(self, items=40, width=16):
        super().__init__()
        self.items = nn.Embedding(items, width)
        layer = nn.TransformerEncoderLayer(width, 2, 32, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.score = nn.Linear(width, items)

    def forward(self, bought, lengths):
        places = torch.arange(bought.shape[1], device=bought.device)
        nothing = places >= lengths@least@[:, None]
        x = self.encoder(self.items(bought), src_key_padding_mask=nothing)@mark@
        return self.score(x[:, 0])


example_inputs = (torch.randint(0, 40, (3, 6)), torch.tensor([4, 0, 6]))
""", least=("", ".clamp(min=1)"), mark=("  # <-", "")),

    pair("NN311", "lstm", "one sentence given to a tagger without a batch axis", """
class Tagger(nn.Module):
    def __init__(self, vocabulary=50, width=8, tags=5):
        super().__init__()
        self.words = nn.Embedding(vocabulary, width)
        self.lstm = nn.LSTM(width, 16, bidirectional=True, batch_first=True)
        self.tags = nn.Linear(32, tags)

    def forward(self, ids):
        out, _ = self.lstm(self.words(ids))  # <-
        return self.tags(out)


example_inputs = torch.randint(0, 50, (@shape@))
""", shape=("12,", "3, 12")),

    pair("NN312", "observe", "a policy that makes a tensor of a tensor", """
class Observe(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.register_buffer("mean", torch.zeros(size))

    def forward(self, observation):
        observation = @copy@
        return (observation - self.mean).clamp(-5, 5)


class Policy(nn.Module):
    def __init__(self, size=6, actions=3):
        super().__init__()
        self.observe = Observe(size)
        self.net = nn.Sequential(nn.Linear(size, 32), nn.Tanh(), nn.Linear(32, actions))

    def forward(self, observation):
        return self.net(self.observe(observation))


example_inputs = torch.randn(4, 6)
""", copy=("torch.tensor(observation, dtype=torch.float32)  # <-", "observation.float()")),

    pair("NN401", "block.attend", "a ViT whose attention drops in eval too", """
class Attend(nn.Module):
    def __init__(self, width=16, heads=2, drop=0.2):
        super().__init__()
        self.heads, self.drop = heads, drop
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = self.qkv(x).view(B, T, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        x = F.scaled_dot_product_attention(q, k, v, dropout_p=@drop@
        return self.out(x.transpose(1, 2).reshape(B, T, C))


class Block(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.attend = Attend(width)

    def forward(self, x):
        return x + self.attend(self.norm(x))


class ViT(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.patch = nn.Conv2d(3, width, 4, 4)
        self.block = Block(width)
        self.head = nn.Linear(width, 10)

    def forward(self, image):
        x = self.patch(image).flatten(2).transpose(1, 2)
        return self.head(self.block(x).mean(1))


example_inputs = torch.randn(3, 3, 16, 16)
""", drop=("self.drop)  # <-", "self.drop if self.training else 0.0)")),

    pair("NN401", "gate", "a mixture of experts with noise on its gate in every mode", """
class Gate(nn.Module):
    def __init__(self, width, count):
        super().__init__()
        self.score = nn.Linear(width, count)

    def forward(self, x):
        scores = self.score(x)
        @noise@
        return scores.softmax(-1)


class MoE(nn.Module):
    def __init__(self, width=8, count=3):
        super().__init__()
        self.gate = Gate(width, count)
        self.experts = nn.ModuleList(nn.Linear(width, width) for _ in range(count))

    def forward(self, x):
        shares = self.gate(x)
        return sum(shares[..., i : i + 1] * expert(x) for i, expert in enumerate(self.experts))


example_inputs = torch.randn(4, 8)
""", noise=("scores = scores + torch.randn_like(scores)  # <-",
            "scores = scores + torch.randn_like(scores) if self.training else scores")),
]  # fmt: skip
