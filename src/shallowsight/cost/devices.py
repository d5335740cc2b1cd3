"""GPUs that a forecast knows: what they compute at the most, what they hold, and what share of the peak is assumed.

Nothing here was measured by us. The high share is the best that is published for language models of this size without
recomputation: llm-foundry's benchmarking table says 59.9 % for 1.3B and 64.2 % for 6.7B parameters on A100-80G, and
41.8 % for 1.3B on H100. The low one is what the paper's own hours come to: 4 A100-80G that finetune for eight hours do
15 % of their peak, with recomputation counted. That of the H100 is assumed to be lower in the same proportion.
"""

from dataclasses import dataclass

from shallowsight.errors import ConfigurationError

_GIB = 2**30
USABLE = 0.92  # of the memory; the rest is left to what memory.py leaves out; assumed


@dataclass(frozen=True)
class Device:
    """One GPU."""

    half: float  # operations a second in bfloat16, dense (the maker's data sheet)
    single: float  # in TF32, which float32 products use here
    memory: float  # bytes
    low: float  # share of the peak
    high: float

    @property
    def usable(self) -> float:
        return USABLE * self.memory

    def seconds(self, half: float, single: float, share: float) -> float:
        """For so many operations of each kind."""
        return (half / self.half + single / self.single) / share


DEVICES = {
    "A100-80G": Device(half=312e12, single=156e12, memory=80 * _GIB, low=0.15, high=0.60),
    "A100-40G": Device(half=312e12, single=156e12, memory=40 * _GIB, low=0.15, high=0.60),
    "H100": Device(half=989e12, single=494e12, memory=80 * _GIB, low=0.10, high=0.42),
}
CPU = "cpu"
# What CUDA calls them.
_NAMES = {
    "NVIDIA A100-SXM4-80GB": "A100-80G",
    "NVIDIA A100 80GB PCIe": "A100-80G",
    "NVIDIA A100-SXM4-40GB": "A100-40G",
    "NVIDIA A100-PCIE-40GB": "A100-40G",
    "NVIDIA H100 80GB HBM3": "H100",
}


def find_device(name: str) -> Device:
    """Raises ConfigurationError that lists the known ones."""
    if name not in DEVICES:
        raise ConfigurationError(f"--device {name!r}: choose from {', '.join(DEVICES)} and {CPU}")
    return DEVICES[name]


def device_of_cuda(name: str) -> Device:
    """Raises ConfigurationError for a GPU that is not in the table."""
    if name not in _NAMES:
        raise ConfigurationError(f"no figures for a GPU {name!r}; known are {', '.join(_NAMES)}")
    return DEVICES[_NAMES[name]]
