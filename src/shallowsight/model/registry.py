"""Choices by exact names; the error for a wrong name lists the right ones."""

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from shallowsight.errors import ConfigurationError

T = TypeVar("T")


class Registry(Generic[T]):
    """Names of one kind of thing (fusions, connectors), and the object for each name."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._items: dict[str, T] = {}

    def register(self, name: str) -> Callable[[T], T]:
        def add(item: T) -> T:
            if name in self._items:
                raise ValueError(f"{self.kind} {name!r} is registered twice")
            self._items[name] = item
            return item

        return add

    def __getitem__(self, name: str) -> T:
        if name not in self._items:
            raise ConfigurationError(f"no {self.kind} {name!r}; choose from {', '.join(sorted(self._items))}")
        return self._items[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)
