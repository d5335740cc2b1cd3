"""What a dry run says of a model in a folder, without the place of the folder; empty when it is taken."""

from pathlib import Path

from dry_runs import dry_run


def with_language(folder: Path, *more: str) -> str:
    said = dry_run(f"language.model={folder}", *more)
    assert "torch" not in said.replace("pytorch_model.bin", "")
    return said.replace(str(folder.parent), "")


def with_tower(folder: Path) -> str:
    return dry_run(f"vision.tower={folder}", "settings=2", "vision.image_size=28").replace(str(folder.parent), "")
