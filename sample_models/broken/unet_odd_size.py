"""A U-Net of two stages; an odd height and width does not survive pooling and scaling up."""

import torch
from torch import nn

example_inputs = torch.randn(2, 1, 50, 50)


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down1 = nn.Conv2d(1, 8, 3, padding=1)
        self.down2 = nn.Conv2d(8, 16, 3, padding=1)
        self.bottom = nn.Conv2d(16, 16, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.up2 = nn.ConvTranspose2d(16, 16, 2, stride=2)
        self.up1 = nn.ConvTranspose2d(32, 8, 2, stride=2)
        self.head = nn.Conv2d(16, 1, 1)

    def forward(self, image):
        one = self.down1(image)
        two = self.down2(self.pool(one))
        x = self.up2(self.bottom(self.pool(two)))
        x = torch.cat([x, two], dim=1)  # <- fails here
        x = torch.cat([self.up1(x), one], dim=1)
        return self.head(x)
