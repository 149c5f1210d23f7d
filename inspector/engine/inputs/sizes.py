"""Which size of an image or a sequence to try next, when a layer far inside wants another number than it got."""

from __future__ import annotations

from dataclasses import dataclass, field

IMAGE_SIZES = (32, 28, 224, 64, 96, 128, 256, 299, 16, 48, 384, 512, 100, 8, 84, 227, 40, 572)
"""Heights and widths that people use, the most usual first."""
LENGTHS = (16, 32, 64, 128, 100, 256, 512, 784, 1000, 1024, 50, 10, 20, 8, 2048, 4096, 8000, 16000, 32000)
_LARGEST_IMAGE, _LARGEST_LENGTH = 2048, 1 << 20


@dataclass(slots=True)
class Scale:
    """What one layer got for each size that was tried, and what it wants."""

    axes: int
    """How many axes grow together."""
    wanted: int = 0
    points: dict[int, int] = field(default_factory=dict)

    def note(self, size: int, got: int, wanted: int) -> None:
        """One more try."""
        if wanted != self.wanted:
            self.points.clear()
        self.wanted = wanted
        self.points[size] = got

    @property
    def low(self) -> int:
        """A size that was too small; 0 when none was."""
        return max((size for size, got in self.points.items() if got < self.wanted), default=0)

    @property
    def high(self) -> int:
        """The smallest size that was too large."""
        largest = (_LARGEST_IMAGE if self.axes > 1 else _LARGEST_LENGTH) + 1
        return min((size for size, got in self.points.items() if got > self.wanted), default=largest)

    def estimates(self) -> list[float]:
        """Sizes that should give what is wanted: by proportion, and by the line through two tries."""
        root = 1 / self.axes
        wanted = self.wanted**root
        (size, got), *others = sorted(self.points.items(), key=lambda point: abs(point[1] - self.wanted))
        found = [size * wanted / max(got**root, 1e-9)]
        for other, other_got in others[:2]:
            rise = got**root - other_got**root
            if abs(rise) > 1e-9:
                found.insert(0, size + (wanted - got**root) * (size - other) / rise)
        return found

    def next(self, most: int = 4) -> list[int]:
        """Sizes to try: what the numbers say, rounded to usual sizes where one is near, then what lies between."""
        low, high = self.low, self.high
        if low >= high:
            return []
        usual = [size for size in self.usual() if low < size < high]
        found: list[int] = []
        for estimate in self.estimates():
            near = [size for size in usual if abs(size - estimate) <= 0.15 * size]
            found += [*near[:2], round(estimate), round(estimate) + 1, round(estimate) - 1]
        if low and high < _LARGEST_IMAGE:
            found.insert(2, (low + high) // 2)
        found += usual[:2]
        return [size for size in dict.fromkeys(found) if low < size < high and size not in self.points][:most]

    def usual(self) -> tuple[int, ...]:
        """The usual sizes for so many axes."""
        return IMAGE_SIZES if self.axes > 1 else LENGTHS
