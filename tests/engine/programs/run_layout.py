"""Faults in how axes are read: softmax over the batch, the batch as time, no batch, samples that mix."""

from __future__ import annotations

from tests.engine.programs.pair import pair

PAIRS = [
    pair("NN303", "head", "a policy whose probabilities sum to 1 over the batch", """
class Head(nn.Module):
    def __init__(self, width=32, actions=6):
        super().__init__()
        self.logits = nn.Linear(width, actions)

    def forward(self, h):
        return F.softmax(self.logits(h), dim=@dim@


class Policy(nn.Module):
    def __init__(self, observation=8, width=32):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(observation, width), nn.Tanh())
        self.head = Head(width)

    def forward(self, observation):
        return self.head(self.body(observation))


example_inputs = torch.randn(5, 8)
""", dim=("0)  # <-", "-1)")),

    pair("NN303", "classify", "a softmax layer without dim on three axes", """
class Parts(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.lift = nn.Conv1d(3, width, 1)
        self.score = nn.Conv1d(width, 8, 1)
        self.classify = nn.Softmax(@dim@)

    def forward(self, points):
        h = F.relu(self.lift(points))
        return self.classify(self.score(h))  # <-


example_inputs = torch.randn(4, 3, 32)
""", dim=("dim=0", "dim=1")),

    pair("NN304", "", "a classifier that ends with softmax", """
class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 8, 3)
        self.fc = nn.Linear(8, 10)

    def forward(self, image):
        x = F.relu(self.conv(image)).mean((2, 3))
        return @end@


example_inputs = torch.randn(4, 1, 12, 12)
""", end=("F.softmax(self.fc(x), dim=1)  # <-", "self.fc(x)")),

    pair("NN304", "out", "a segmentation net that ends with LogSoftmax", """
class Segmenter(nn.Module):
    def __init__(self, classes=5):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, classes, 1))
        self.out = nn.LogSoftmax(dim=1)

    def forward(self, image):
        scores = self.body(image)
        return @end@


example_inputs = torch.randn(2, 3, 16, 16)
""", end=("self.out(scores)  # <-", "scores")),

    pair("NN309", "lstm", "an LSTM without batch_first whose last step is taken from axis 1", """
class Sentiment(nn.Module):
    def __init__(self, vocabulary=200, width=16, hidden=24):
        super().__init__()
        self.embed = nn.Embedding(vocabulary, width)
        self.lstm = nn.LSTM(width, hidden@first@)
        self.fc = nn.Linear(hidden, 2)

    def forward(self, ids):
        out, _ = self.lstm(self.embed(ids))  # <-
        return self.fc(out[:, -1])


example_inputs = torch.randint(0, 200, (4, 9))
""", first=("", ", batch_first=True")),

    pair("NN309", "lstm", "a tagger whose comment says which axis is the batch", """
class Tagger(nn.Module):
    \"\"\"Reads words (B, T) and gives tags (B, T, tags).\"\"\"

    def __init__(self, words=50, tags=5, width=16):
        super().__init__()
        self.embed = nn.Embedding(words, width)
        self.lstm = nn.LSTM(width, width@first@, bidirectional=True)
        self.head = nn.Linear(2 * width, tags)

    def forward(self, words):
        x = self.embed(words)  # (batch, seq_len, width)
        x, _ = self.lstm(x)  # <-
        return self.head(x)


example_inputs = torch.randint(0, 50, (4, 9))
""", first=("", ", batch_first=True")),

    pair("NN309", "encoder", "a ViT whose encoder attends across images", """
class ViT(nn.Module):
    def __init__(self, width=32, depth=2):
        super().__init__()
        self.patch = nn.Conv2d(3, width, 4, 4)
        self.cls = nn.Parameter(torch.zeros(1, 1, width))
        layer = nn.TransformerEncoderLayer(width, 4, 64@first@)
        self.encoder = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
        self.head = nn.Linear(width, 10)

    def forward(self, image):
        x = self.patch(image).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls.expand(x.size(0), -1, -1), x], 1)
        x = self.encoder(x)  # <-
        return self.head(x[:, 0])


example_inputs = torch.randn(3, 3, 16, 16)
""", first=("", ", batch_first=True")),

    pair("NN309", "attend", "a GPT block around MultiheadAttention in the wrong order", """
class Block(nn.Module):
    def __init__(self, vocabulary=60, width=16, length=12):
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.places = nn.Embedding(length, width)
        self.attend = nn.MultiheadAttention(width, 2@first@)
        self.head = nn.Linear(width, vocabulary)

    def forward(self, ids):
        B, T = ids.shape
        x = self.tokens(ids) + self.places(torch.arange(T))
        h, _ = self.attend(x, x, x, need_weights=False)  # <-
        return self.head(x + h)


example_inputs = torch.randint(0, 60, (5, 12))
""", first=("", ", batch_first=True")),

    pair("NN311", "features.0", "one image without a batch axis", """
class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.MaxPool2d(2))

    def forward(self, image):
        return self.features(image)  # <-


example_inputs = torch.randn(@shape@)
""", shape=("3, 12, 12", "2, 3, 12, 12")),

    pair("NN311", "rnn", "rows of features given to a GRU as one sequence", """
class Rows(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(12, 16, batch_first=True)
        self.fc = nn.Linear(16, 3)

    def forward(self, x):
        out, _ = self.rnn(x)  # <-
        return self.fc(out)


example_inputs = torch.randn(@shape@)
""", shape=("8, 12", "8, 5, 12")),

    pair("NN315", "", "time and batch confused by a reshape", """
class Frames(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.frame = nn.Conv2d(3, width, 3)
        self.fc = nn.Linear(width, 4)

    def forward(self, video):
        B, T = video.shape[:2]
        x = self.frame(video.flatten(0, 1)).mean((2, 3))
        x = x@order@
        return self.fc(x.mean(1))


example_inputs = torch.randn(3, 5, 3, 8, 8)
""", order=(".view(T, B, -1).transpose(0, 1)  # <-", ".view(B, T, -1)")),

    pair("NN315", "", "heads that are split as if time came first", """
class Reader(nn.Module):
    def __init__(self, words=20, width=16, heads=4):
        super().__init__()
        self.heads = heads
        self.embed = nn.Embedding(words, width)
        self.query = nn.Linear(width, width)
        self.out = nn.Linear(width, 3)

    def forward(self, words):
        x = self.embed(words)
        B, T, C = x.shape
        q = self.query(x)
        q = q.reshape(@order@
        q = q.transpose(1, 2)
        attention = (q @ q.transpose(-2, -1)).softmax(-1)
        return self.out((attention @ q).transpose(1, 2).reshape(B, T, C))


example_inputs = torch.randint(0, 20, (3, 7))
""", order=("T, B, self.heads, -1).transpose(0, 1)  # <-", "B, T, self.heads, -1)")),

    pair("NN315", "whiten", "features normalised with the statistics of the batch at hand", """
class Whiten(nn.Module):
    def forward(self, x):
        mean = x.mean(@dim@)@mark@
        return x - mean


class Tabular(nn.Module):
    def __init__(self):
        super().__init__()
        self.lift = nn.Linear(12, 16)
        self.whiten = Whiten()
        self.out = nn.Linear(16, 1)

    def forward(self, rows):
        return self.out(torch.relu(self.whiten(self.lift(rows))))


example_inputs = torch.randn(6, 12)
""", dim=("0, keepdim=True", "-1, keepdim=True"), mark=("  # <-", "")),

    pair("NN315", "norm", "a BatchNorm without running statistics", """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, bias=False)
        self.norm = nn.BatchNorm2d(8, track_running_stats=@track@)
        self.fc = nn.Linear(8, 2)

    def forward(self, image):
        x = self.norm(self.conv(image))  # <-
        return self.fc(x.relu().mean((2, 3)))


example_inputs = torch.randn(4, 3, 10, 10)
""", track=("False", "True")),
]  # fmt: skip
