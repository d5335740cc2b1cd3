"""The replies of judges, so that the same question is asked once: a line of JSON for each, appended and kept."""

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shallowsight.errors import ConfigurationError
from shallowsight.store.lines import append

log = logging.getLogger(__name__)


def key_of(body: Mapping[str, Any]) -> str:
    """sha256 over the body of a request: prompt, model, and every setting that changes the reply, but no address."""
    return hashlib.sha256(json.dumps(body, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


@dataclass(frozen=True)
class Cache:
    """`replies` has None for a reply that was not of an allowed form: its text is not kept."""

    path: Path
    replies: dict[str, str | None]

    @classmethod
    def open(cls, path: Path) -> "Cache":
        """Read what is there; lines that a crash has cut, and others that are no replies, do not count.

        Raises:
            ConfigurationError: the file cannot be read and appended to.
        """
        replies: dict[str, str | None] = {}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a+b") as lines:
                lines.seek(0)
                for line in lines:
                    if (found := _read(line)) is not None:
                        replies.setdefault(*found)  # of two processes that asked at once, the first one counts
        except OSError as error:
            raise ConfigurationError(f"the judge's cache {path}: {error.strerror}; name a file to write to") from None
        return cls(path, replies)

    def add(self, key: str, reply: str | None) -> None:
        """Keep a reply, on disk before this returns. A full disk is logged: the reply still counts in this run."""
        self.replies.setdefault(key, reply)
        try:
            append(self.path, json.dumps({"key": key, "reply": reply}) + "\n")
        except OSError as error:
            log.warning("the judge's cache %s cannot be written (%s): the next run asks again", self.path, error)


def _read(line: bytes) -> tuple[str, str | None] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or not isinstance(found.get("key"), str) or "reply" not in found:
        return None
    reply = found["reply"]
    return (found["key"], reply) if reply is None or isinstance(reply, str) else None
