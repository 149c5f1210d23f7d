"""Every activation that torch.nn has, by name, all of them applied to the same input."""

import torch
from torch import nn


class Activations(nn.Module):
    """One output for each activation."""

    def __init__(self) -> None:
        super().__init__()
        self.activations = nn.ModuleDict(
            {
                "threshold": nn.Threshold(0.1, 0.0),
                "relu": nn.ReLU(),
                "rrelu": nn.RReLU(),
                "hardtanh": nn.Hardtanh(),
                "relu6": nn.ReLU6(),
                "sigmoid": nn.Sigmoid(),
                "hardsigmoid": nn.Hardsigmoid(),
                "tanh": nn.Tanh(),
                "silu": nn.SiLU(),
                "mish": nn.Mish(),
                "hardswish": nn.Hardswish(),
                "elu": nn.ELU(),
                "celu": nn.CELU(),
                "selu": nn.SELU(),
                "glu": nn.GLU(),
                "gelu": nn.GELU(),
                "hardshrink": nn.Hardshrink(),
                "leaky_relu": nn.LeakyReLU(),
                "log_sigmoid": nn.LogSigmoid(),
                "softplus": nn.Softplus(),
                "softshrink": nn.Softshrink(),
                "prelu": nn.PReLU(),
                "softsign": nn.Softsign(),
                "tanhshrink": nn.Tanhshrink(),
                "softmin": nn.Softmin(dim=1),
                "softmax": nn.Softmax(dim=1),
                "log_softmax": nn.LogSoftmax(dim=1),
            }
        )
        self.softmax2d = nn.Softmax2d()
        self.attention = nn.MultiheadAttention(embed_dim=8, num_heads=2, batch_first=True)

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        out = {name: activation(x) for name, activation in self.activations.items()}
        out["softmax2d"] = self.softmax2d(x[:, :, None, None])
        out["attention"], _ = self.attention(x[:, None], x[:, None], x[:, None])
        return out


example_inputs = torch.randn(2, 8)
