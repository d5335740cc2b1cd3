"""The written form of a setting: fusions, connectors and states, and what is wrong with which part."""

import pytest
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st

from shallowsight.study.connectors import CONNECTORS, Connector
from shallowsight.study.fusions import FUSIONS, Form
from shallowsight.study.layers import Layers, LayerSet
from shallowsight.study.settings import Setting

SETS = st.sets(st.integers(1, 40), min_size=2, max_size=8).map(lambda found: LayerSet(tuple(sorted(found))))
ONES = st.integers(1, 40).map(lambda layer: LayerSet((layer,)))
KINDS = st.sampled_from([*CONNECTORS, "mlp3x_gelu"])
CONNECTED = st.none() | st.builds(Connector, kind=KINDS, tokens=st.none() | st.integers(1, 900))


@st.composite
def settings(draw: st.DrawFn) -> Setting:
    fusion = draw(st.sampled_from(list(FUSIONS)))
    match FUSIONS[fusion].form:
        case Form.ONE:
            layers = Layers((draw(ONES),))
        case Form.LIST:
            layers = Layers((draw(SETS),))
        case Form.GROUPS:
            layers = Layers(tuple(draw(st.lists(SETS | ONES, min_size=1, max_size=4))))
        case Form.INSIDE:
            injected = draw(SETS | ONES)
            states = st.lists(st.integers(0, 40), min_size=len(injected), max_size=len(injected)).map(tuple)
            entries = () if fusion == "deepstack" else draw(st.just(()) | states)
            layers = Layers((injected, draw(ONES)), entries)
    return Setting(layers, fusion, draw(CONNECTED))


@how(deadline=None)  # how long the machine takes for one example says nothing about it
@given(settings())
def test_every_setting_is_read_as_it_is_written(setting: Setting) -> None:
    assert Setting.parse(str(setting)) == setting


@pytest.mark.parametrize(
    ("text", "written"),
    [
        pytest.param("18+c_abstractor@64", "18+c_abstractor@64", id="tokens"),
        pytest.param("3,18,23:dci+ldpv2", "3,18,23:dci+ldpv2", id="fusion and connector"),
        pytest.param("1-12|13-24|23", "1-12|13-24|23:mean-concat", id="groups mean mean-concat"),
        pytest.param("1-12|13-24|23:mean-concat", "1-12|13-24|23:mean-concat", id="by name"),
        pytest.param("9,17,25|27:deepstack+merger", "9,17,25|27:deepstack+merger", id="deepstack"),
        pytest.param("3>1,18>9|23:internal-direct", "3>1,18>9|23:internal-direct", id="states"),
    ],
)
def test_written_form(text: str, written: str) -> None:
    assert str(Setting.parse(text)) == written


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("8+", "no connector after `+`; write for instance 8+ldpv2", id="no connector after the plus"),
        pytest.param(
            "8+abstractor",
            "no connector 'abstractor', did you mean 'c_abstractor'? choose from linear",
            id="unknown connector",
        ),
        pytest.param("8+mlp1x_gelu", "no connector 'mlp1x_gelu'", id="a GELU between one matrix"),
        pytest.param("8+ldpv2@", "connector 'ldpv2@': write the number of image tokens after @", id="no number"),
        pytest.param("8+ldpv2@0", "connector 'ldpv2@0': write the number of image tokens after @", id="zero"),
        pytest.param("8+ldpv2@x", "connector 'ldpv2@x': write the number of image tokens after @", id="no digits"),
        pytest.param("3,8:", "no fusion after `:`", id="no fusion after the colon"),
        pytest.param("3,8|11:concat", "fusion 'concat' takes one layer or several, as in 3,18,23; got", id="groups"),
        pytest.param("3,8:deepstack", "fusion 'deepstack' takes layers that enter the language model", id="no base"),
        pytest.param("3|8|11:deepstack", "got 3|8|11", id="three groups"),
        pytest.param("3|8,11:internal-direct", "got 3|8,11", id="a base of two"),
        pytest.param("3>1,6>2:concat", "fusion 'concat' is outside the language model", id="states outside"),
        pytest.param("3>1|11", "3>1|11: name the fusion by which layers enter", id="states without a fusion"),
        pytest.param("1-99999999999", "a range has at most 10,000 numbers", id="a slip of a key"),
        pytest.param("1-99999999999999999999", "a range has at most 10,000 numbers", id="a longer slip"),
        pytest.param("1>0-99999999999|2:internal-direct", "a range has at most 10,000 numbers", id="of states"),
        pytest.param("3>1,6>2|8:deepstack", "write 3>1,6>2|8:internal-direct", id="states of deepstack"),
    ],
)
def test_what_is_wrong_with_which_part(text: str, message: str) -> None:
    with pytest.raises(ValueError) as refused:
        Setting.parse(text)
    assert message in str(refused.value)
