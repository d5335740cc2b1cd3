"""The GPUs that a forecast knows: their peak speed, their memory, and the assumed share of the peak in training.

None of these figures was measured for this package. The high share is the best published one for language models of
this size without recomputation: llm-foundry's benchmarking table gives 59.9 % for 1.3B and 64.2 % for 6.7B parameters
on A100-80G, and 41.8 % for 1.3B on H100. The low share follows from the paper's hours: 4 A100-80G that finetune for
eight hours reach 15 % of their peak, recomputation included. The low share of the H100 is assumed in proportion.
"""

from dataclasses import dataclass

from shallowsight.errors import ConfigurationError

_GIB = 2**30
USABLE = 0.92  # of the memory; the rest is assumed for everything that memory.py does not count


@dataclass(frozen=True)
class Device:
    """One GPU."""

    half: float  # dense operations per second in bfloat16 (the maker's data sheet)
    single: float  # operations per second in TF32, which float32 products use here
    memory: float  # bytes
    low: float  # share of the peak, low estimate
    high: float

    @property
    def usable(self) -> float:
        return USABLE * self.memory

    def seconds(self, half: float, single: float, share: float) -> float:
        """The time for `half` and `single` operations at a share of the peak."""
        return (half / self.half + single / self.single) / share


DEVICES = {
    "A100-80G": Device(half=312e12, single=156e12, memory=80 * _GIB, low=0.15, high=0.60),
    "A100-40G": Device(half=312e12, single=156e12, memory=40 * _GIB, low=0.15, high=0.60),
    "H100": Device(half=989e12, single=494e12, memory=80 * _GIB, low=0.10, high=0.42),
}
CPU = "cpu"
# The names that CUDA has for the devices.
_NAMES = {
    "NVIDIA A100-SXM4-80GB": "A100-80G",
    "NVIDIA A100 80GB PCIe": "A100-80G",
    "NVIDIA A100-SXM4-40GB": "A100-40G",
    "NVIDIA A100-PCIE-40GB": "A100-40G",
    "NVIDIA H100 80GB HBM3": "H100",
}


def find_device(name: str) -> Device:
    """A device by its name; raises ConfigurationError, which lists the known names."""
    if name not in DEVICES:
        raise ConfigurationError(f"--device {name!r}: choose from {', '.join(DEVICES)} and {CPU}")
    return DEVICES[name]


def device_of_cuda(name: str) -> Device:
    """A device by CUDA's name; raises ConfigurationError for a GPU that is not in the table."""
    if name not in _NAMES:
        raise ConfigurationError(f"no figures for a GPU {name!r}; known are {', '.join(_NAMES)}")
    return DEVICES[_NAMES[name]]
