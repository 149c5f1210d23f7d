"""LeNet whose fc1 was worked out for a padded conv2: 576 features, where this one gives 400."""

import torch
from torch import nn
from torch.nn import functional as F

example_inputs = torch.randn(2, 1, 28, 28)


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5, padding=2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 6 * 6, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = x.view(x.size(0), -1)
        x = F.relu(self.fc1(x))  # <- fails here
        x = F.relu(self.fc2(x))
        return self.fc3(x)
