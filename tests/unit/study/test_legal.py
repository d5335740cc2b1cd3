"""Which settings of a study cannot stand beside each other."""

import pytest

from shallowsight.errors import ConfigurationError
from shallowsight.study.connectors import Connector
from shallowsight.study.experiments import EXPERIMENTS
from shallowsight.study.legal import require_distinct
from shallowsight.study.resolved import TowerFacts
from shallowsight.study.settings import Setting

TOWER = TowerFacts(name="t", family="clip", depth=12, width=384, patch=14, has_class_token=True, digest="0")


def check(*texts: str, connector: str = "mlp2x_gelu") -> None:
    base = EXPERIMENTS["demo"].model_copy(update={"connector": Connector.parse(connector)})
    require_distinct(base, [Setting.parse(text) for text in texts], TOWER)


@pytest.mark.parametrize(
    ("one", "other", "connector"),
    [
        pytest.param("8", "8:concat", "linear", id="a fusion of one layer"),
        pytest.param("1-3:mean", "1-3:mean-concat", "linear", id="a mean of one group"),
        pytest.param("3,8:concat", "3|8:mean-concat", "linear", id="groups of one layer"),
        pytest.param("8", "8+linear@36", "linear", id="as many tokens as without a number"),
        pytest.param("8", "8+c_abstractor@9", "c_abstractor", id="a quarter of the tokens"),
        pytest.param("8+ldpv2", "8+ldpv2@9", "linear", id="a quarter in another connector"),
    ],
)
def test_two_forms_of_one_model_are_refused(one: str, other: str, connector: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        check("5", one, other, connector=connector)
    assert str(refused.value) == f"the settings {one} and {other} are the same model in two forms; name one"


def test_different_models_may_stand_beside_each_other() -> None:
    check("8", "8:scalar-mix", "8+linear", "3,8:concat", "3,8:sci", "3,8:mean", "3,8:sum", "3,8:sti", "8,8:concat")
    check("8|11:deepstack", "8>1|11:internal-direct", "8>0|11:internal-direct", "8>0|11:internal-modular", "11")
