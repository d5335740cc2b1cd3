"""Compile the pipelines into the package: `python -m pipelines.compile`.

The same bytes every time with one version of kfp; a test compares them with what is committed.
"""

from pathlib import Path

from kfp import compiler
from kfp.dsl.base_component import BaseComponent

from pipelines.layer_study import layer_study
from pipelines.retrain import retrain
from pipelines.train_and_evaluate import train_and_evaluate

# Committed below src, so that a wheel has them; pipelines/compiled is a link to it.
FOLDER = Path(__file__).parent.parent / "src" / "shallowsight" / "cluster" / "kubeflow" / "compiled"
PIPELINES: dict[str, BaseComponent] = {
    "layer_study": layer_study,
    "train_and_evaluate": train_and_evaluate,
    "retrain": retrain,
}


def compile_all(folder: Path) -> None:
    for name, pipeline in PIPELINES.items():
        compiler.Compiler().compile(pipeline, str(folder / f"{name}.yaml"))


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    compile_all(FOLDER)
