"""Every loss that torch.nn has, by name, each on targets of the kind that it wants."""

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812


class Losses(nn.Module):
    """From scores (batch, 10) and classes (batch,) the value of each loss."""

    def __init__(self) -> None:
        super().__init__()
        self.losses = nn.ModuleDict(
            {
                "l1": nn.L1Loss(),
                "nll": nn.NLLLoss(),
                "poisson_nll": nn.PoissonNLLLoss(),
                "gaussian_nll": nn.GaussianNLLLoss(),
                "kl_div": nn.KLDivLoss(reduction="batchmean"),
                "mse": nn.MSELoss(),
                "bce": nn.BCELoss(),
                "bce_with_logits": nn.BCEWithLogitsLoss(),
                "hinge_embedding": nn.HingeEmbeddingLoss(),
                "multi_label_margin": nn.MultiLabelMarginLoss(),
                "smooth_l1": nn.SmoothL1Loss(),
                "huber": nn.HuberLoss(),
                "soft_margin": nn.SoftMarginLoss(),
                "cross_entropy": nn.CrossEntropyLoss(),
                "multi_label_soft_margin": nn.MultiLabelSoftMarginLoss(),
                "cosine_embedding": nn.CosineEmbeddingLoss(),
                "margin_ranking": nn.MarginRankingLoss(),
                "multi_margin": nn.MultiMarginLoss(),
                "triplet_margin": nn.TripletMarginLoss(),
                "triplet_margin_with_distance": nn.TripletMarginWithDistanceLoss(),
                "ctc": nn.CTCLoss(),
                "adaptive_log_softmax": nn.AdaptiveLogSoftmaxWithLoss(10, 20, cutoffs=[5]),
            }
        )
        if hasattr(nn, "LinearCrossEntropyLoss"):  # Since PyTorch 2.13.
            self.losses["linear_cross_entropy"] = nn.LinearCrossEntropyLoss(10, 10)

    def forward(self, scores: torch.Tensor, classes: torch.Tensor) -> dict[str, torch.Tensor]:
        out = {}
        for name, loss in self.losses.items():
            value = loss(*self.wanted(name, scores, classes))
            out[name] = value.loss if name == "adaptive_log_softmax" else value
        return out

    def wanted(self, name: str, scores: torch.Tensor, classes: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """What the loss of that name compares."""
        binary = F.one_hot(classes, scores.size(1)).to(scores.dtype)
        signs = 2 * binary - 1
        match name:
            case "nll":
                return scores.log_softmax(1), classes
            case "kl_div":
                return scores.log_softmax(1), binary
            case "gaussian_nll":
                return scores, binary, torch.ones_like(scores)
            case "bce":
                return scores.sigmoid(), binary
            case "hinge_embedding" | "soft_margin":
                return scores, signs
            case "multi_label_margin":
                labels = torch.full_like(scores, -1, dtype=torch.long)
                labels[:, 0] = classes
                return scores, labels
            case "cosine_embedding":
                return scores, binary, signs[:, 0]
            case "margin_ranking":
                return scores[:, 0], scores[:, 1], signs[:, 0]
            case "triplet_margin" | "triplet_margin_with_distance":
                return scores, binary, 1 - binary
            case "ctc":
                return self.alignment(scores, classes)
            case "cross_entropy" | "multi_margin" | "adaptive_log_softmax" | "linear_cross_entropy":
                return scores, classes
        return scores, binary

    def alignment(self, scores: torch.Tensor, classes: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Five equal steps in time, and one label, which must not be the blank 0."""
        steps = scores.log_softmax(1).expand(5, *scores.shape)
        batch = scores.size(0)
        return steps, classes.clamp(min=1)[:, None], torch.full((batch,), 5), torch.ones(batch, dtype=torch.long)


example_inputs = (torch.randn(4, 10), torch.randint(0, 10, (4,)))
