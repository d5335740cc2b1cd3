"""One stage of one setting and seed, to be trained."""

from pydantic import BaseModel, ConfigDict

from shallowsight.store.cells import Cell, feature_cells, stage_cell
from shallowsight.study.experiment import Experiment
from shallowsight.study.resolved import Resolved
from shallowsight.study.settings import Setting
from shallowsight.study.stages import StageName


class StageTask(BaseModel):
    """The task. `setting` is text, so that a task can be written as JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    resolved: Resolved
    setting: str
    seed: int
    stage: StageName

    @property
    def cell(self) -> Cell:
        """The cell that the training makes."""
        return stage_cell(self.resolved, self._setting, self.seed, self.stage)

    @property
    def pretrained(self) -> Cell | None:
        """The cell whose checkpoint the training starts from; None: it starts from the weights that the study names."""
        return None if self.stage == "pretrain" else stage_cell(self.resolved, self._setting, self.seed, "pretrain")

    @property
    def whole(self) -> Cell | None:
        """The cell of the whole training, whose trunk this one has too; None: nothing can go on from this training."""
        stage = self.experiment.stage(self.stage)
        if self.stage == "pretrain" or stage.schedule == "cosine":
            return None
        return stage_cell(self.resolved, self._setting, self.seed, self.stage, 1)

    @property
    def features(self) -> tuple[Cell, ...] | None:
        return feature_cells(self.resolved, self._setting)

    @property
    def experiment(self) -> Experiment:
        return self.resolved.study.at(self._setting, self.seed)

    @property
    def _setting(self) -> Setting:
        return Setting.parse(self.setting)
