"""From what a person types to one checked value, or to a sentence that helps."""

import pytest
from loaded import ALL_STUDIES, experiment, study

from shallowsight.errors import ConfigurationError
from shallowsight.study.experiments import EXPERIMENTS, STUDIES
from shallowsight.study.overrides import load_experiment, load_study


def never(tower: str) -> int:
    raise AssertionError("the depth was asked for")


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_a_name_alone_is_the_named_experiment(name: str) -> None:
    assert load_experiment(name, [], never) == EXPERIMENTS[name]


@pytest.mark.parametrize("name", STUDIES)
def test_a_name_alone_is_the_named_study(name: str) -> None:
    assert load_study(name, [], never) == STUDIES[name]


@pytest.mark.parametrize(
    ("word", "path", "value"),
    [
        pytest.param("vision.layers=3", "vision.layers", "3", id="number"),
        pytest.param("vision.layers=-1", "vision.layers", "12", id="last layer"),
        pytest.param("seed=7", "seed", 7, id="top level"),
        pytest.param("name=mine", "name", "mine", id="name"),
        pytest.param("pretrain.learning_rate=1e-3", "pretrain.learning_rate", 1e-3, id="exponent"),
        pytest.param("vision.normalize=false", "vision.normalize", False, id="boolean"),
        pytest.param("vision.revision=abc", "vision.revision", "abc", id="revision"),
        pytest.param("data.pretrain=", "data.pretrain", [], id="empty list"),
        pytest.param("data.test=easy-vqa scenes", "data.test", ["easy-vqa", "scenes"], id="words"),
        pytest.param("data.test=[easy-vqa, scenes]", "data.test", ["easy-vqa", "scenes"], id="YAML list"),
        pytest.param("benchmarks=own:counting", "benchmarks", ["own:counting"], id="own kind"),
        pytest.param(" seed = 7", "seed", 7, id="spaces"),
        pytest.param("finetune.lora.rank=8", "finetune.lora.rank", 8, id="three levels"),
        pytest.param("pretrain.lora.alpha=32", "pretrain.lora.alpha", 32.0, id="of a stage without adapters"),
        pytest.param("finetune.packed=true", "finetune.packed", True, id="packed"),
        pytest.param("finetune.order=by_length", "finetune.order", "by_length", id="order"),
        pytest.param("pretrain.picture=crop", "pretrain.picture", "crop", id="picture"),
        pytest.param("finetune.zero=3", "finetune.zero", 3, id="zero"),
        pytest.param(
            "finetune.connector_learning_rate=2e-5", "finetune.connector_learning_rate", 2e-5, id="an optional number"
        ),
        pytest.param("data.pretrain_images=y", "data.pretrain_images", "y", id="an optional folder"),
        pytest.param("vision.tower=a=b", "vision.tower", "a=b", id="equals sign in the value"),
        pytest.param("vision.tower={broken", "vision.tower", "{broken", id="what is no YAML is text"),
    ],
)
def test_dotted_keys(word: str, path: str, value: object) -> None:
    found = experiment(word).model_dump(mode="json")
    expected = EXPERIMENTS["quick"].model_dump(mode="json")
    *parts, last = path.split(".")
    place = expected
    for part in parts:
        place = place[part]
    assert place[last] != value, "the override is no change"
    place[last] = value
    assert found == expected


def test_the_last_word_wins() -> None:
    assert experiment("seed=1", "seed=2").seed == 2


@pytest.mark.parametrize(
    ("words", "updates", "epochs"),
    [
        pytest.param(["finetune.updates=3"], 3, None, id="updates"),
        pytest.param(["finetune.epochs=2"], None, 2.0, id="epochs replace updates"),
        pytest.param(["finetune.epochs=2", "finetune.updates=3"], 3, None, id="updates replace epochs"),
        pytest.param(
            ["finetune.epochs=null"], EXPERIMENTS["quick"].finetune.updates, None, id="no epochs keep the updates"
        ),
        pytest.param(["finetune.updates=0"], 0, None, id="no updates"),
    ],
)
def test_updates_and_epochs(words: list[str], updates: int | None, epochs: float | None) -> None:
    found = experiment(*words)
    assert (found.finetune.updates, found.finetune.epochs) == (updates, epochs)
    assert found.pretrain == EXPERIMENTS["quick"].pretrain


@pytest.mark.parametrize(
    ("word", "layers"),
    [
        pytest.param("vision.layers=3,-1", "3,12", id="text"),
        pytest.param("vision.layers=3, -1", "3,12", id="text with a space"),
        pytest.param("vision.layers=-3,-1", "10,12", id="leading negative"),
        pytest.param("vision.layers=[3, -1]", "3,12", id="list"),
        pytest.param("vision.layers=[3.0, 8.0]", "3,8", id="floats"),
        pytest.param("vision.layers=3-5", "3-5", id="a range is not negative"),
    ],
)
def test_negative_layers_count_from_one(word: str, layers: str) -> None:
    assert str(experiment(word, "fusion.kind=concat").vision.layers) == layers


def test_negative_layers_follow_the_tower() -> None:
    assert str(experiment("vision.layers=-1", "vision.tower=some/large").vision.layers) == "24"


@pytest.mark.parametrize(
    ("word", "settings"),
    [
        pytest.param("settings=-1", ("12",), id="one number"),
        pytest.param("settings=6 -1", ("6", "12"), id="words"),
        pytest.param("settings=-1, 6", ("12", "6"), id="comma and space"),
        pytest.param("settings=[6, -2, last]", ("6", "11", "last"), id="list"),
        pytest.param("settings=3,-1:concat groups", ("3,12:concat", "groups"), id="fusion"),
        pytest.param("settings=6", ("6",), id="none negative"),
    ],
)
def test_negative_settings_count_from_one(word: str, settings: tuple[str, ...]) -> None:
    assert study(word).settings == settings


def test_a_study_takes_the_keys_of_its_base() -> None:
    found = study("finetune.updates=3", "data.test=scenes", "seeds=0 4", "name=mine")
    assert found.base.finetune.updates == 3 and found.base.data.test == ("scenes",)
    assert found.seeds == (0, 4) and found.name == "mine" and found.base.name == "quick"


@pytest.mark.parametrize(
    ("word", "message"),
    [
        pytest.param("vision.layer=3", "unknown key 'vision.layer'; did you mean 'vision.layers'?", id="near"),
        pytest.param("finetune.lr=3", "unknown key 'finetune.lr'; did you mean 'finetune.", id="rather near"),
        pytest.param("qqqqqqqq=3", "unknown key 'qqqqqqqq'; the keys are name, vision.tower,", id="nothing near"),
        pytest.param("vision=3", "unknown key 'vision'", id="a part is no key"),
        pytest.param("vision.layers.x=3", "unknown key 'vision.layers.x'", id="too deep"),
        pytest.param("finetune.lora=8", "unknown key 'finetune.lora'; did you mean 'finetune.lora.", id="inner part"),
        pytest.param("finetune.lora.r=8", "unknown key 'finetune.lora.r'; did you mean 'finetune.lora.r", id="inner"),
        pytest.param("pretrain.lora.rank=8", "pretrain.lora.rank: the language model is frozen", id="frozen model"),
        pytest.param("finetune.zero=4", "finetune.zero: write 0, 1, 2 or 3 (found 4)", id="zero"),
        pytest.param(
            "finetune.order=length",
            "finetune.order: write 'shuffled' or 'by_length' (found 'length')",
            id="order",
        ),
        pytest.param("seeds=1 2", "seeds belongs to a study; one experiment has seed=", id="of a study"),
        pytest.param("vision.layers", "--set 'vision.layers': write key=value, for instance vision.layers=3,8", id="="),
        pytest.param("=3", "--set '=3': write key=value", id="no key"),
        pytest.param("seed=x", "experiment 'quick': seed: write a whole number", id="type"),
        pytest.param("seed=x", "(found 'x')", id="what was found"),
        pytest.param("vision.layers=0", "vision.layers: got layers 0; layers are written", id="layer 0"),
        pytest.param("vision.layers=-13", "asked for layer -13, the tower has layers 1 to 12", id="beyond the first"),
        pytest.param("vision.layers=-1,3", "got layers 12,3; layers are written", id="not increasing"),
        pytest.param("benchmarks=scenes_cout", "did you mean 'scenes_count'?", id="benchmark"),
        pytest.param("finetune.updates=null", "finetune: give either updates or epochs", id="no length"),
        pytest.param(
            "data.finetune=x.json", "data: data.images: name the folder of the pictures in x.json", id="images"
        ),
        pytest.param("vision.tower=5", "vision.tower: write a text", id="tower"),
    ],
)
def test_an_experiment_refuses(word: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        experiment(word)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_wrong_tower_is_refused_before_its_depth_is_asked() -> None:
    with pytest.raises(ConfigurationError, match=r"vision\.tower: write a text"):
        load_experiment("quick", ["vision.tower=5", "vision.layers=-1"], never)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        pytest.param("setings=3", "unknown key 'setings'; did you mean 'settings'?", id="study key"),
        pytest.param("vison.layers=3", "unknown key 'vison.layers'; did you mean 'vision.layers'?", id="base key"),
        pytest.param("base=quick", "unknown key 'base'", id="base itself"),
        pytest.param("settings=lsat", "settings: setting 'lsat': cannot read 'lsat' as layers", id="word"),
        pytest.param("settings=3,6:", "setting '3,6:': no fusion after `:`; write for instance", id="colon at the end"),
        pytest.param("settings=6.5", "settings: ", id="fraction"),
        pytest.param("settings=true", "settings: ", id="boolean"),
        pytest.param("settings=", "settings: a study needs at least one setting", id="none"),
        pytest.param("settings=-13", "asked for layer -13, the tower has layers 1 to 12", id="too far"),
        pytest.param("seeds=1 1", "seeds: seeds must be distinct and at least one, got (1, 1)", id="seeds"),
        pytest.param("finetune.updates=x", "finetune.updates: write a whole number", id="base value"),
    ],
)
def test_a_study_refuses(word: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        study(word)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param(
            "demoo", f"no study 'demoo', did you mean 'demo'? choose from {ALL_STUDIES}, or give a .yaml", id="typo"
        ),
        pytest.param("zzzzzz", f"no study 'zzzzzz'; choose from {ALL_STUDIES}, or give a .yaml file", id="unknown"),
        pytest.param("mine.json", "no study 'mine.json'; choose from", id="another suffix"),
        pytest.param("gone.yaml", "no file 'gone.yaml'; give a YAML file with `base:` and `set:`", id="missing file"),
        pytest.param("gone.yml", "no file 'gone.yml'", id="missing yml"),
    ],
)
def test_names_and_files_that_are_not_there(name: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        study(name=name)
    assert message in str(refused.value)


def test_an_unknown_experiment_says_experiment() -> None:
    with pytest.raises(ConfigurationError, match=r"no experiment 'qick', did you mean 'quick'\?"):
        experiment(name="qick")


@pytest.mark.parametrize(
    ("word", "instead"),
    [
        pytest.param("seed=7", "seeds=", id="seed"),
        pytest.param("vision.layers=3", "settings=", id="layers"),
        pytest.param("fusion.kind=concat", "settings=", id="fusion"),
    ],
)
def test_what_a_study_varies_is_not_set_beside_it(word: str, instead: str) -> None:
    with pytest.raises(ConfigurationError, match=f"a study varies this; use {instead}"):
        load_study("demo", [word], lambda _: 12)


@pytest.mark.parametrize(
    ("word", "says"),
    [
        pytest.param("benchmarks=", "at least one benchmark", id="no benchmark"),
        pytest.param("benchmarks=own own", "each once", id="a benchmark twice"),
        pytest.param("finetune.learning_rate=.inf", "finite number", id="no finite rate"),
        pytest.param("seeds=99999999999999999999", "less than", id="a seed torch cannot take"),
    ],
)
def test_values_that_would_fail_late_are_refused(word: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        load_study("demo", [word], lambda _: 12)


def test_an_experiment_that_fuses_one_layer_is_refused() -> None:
    with pytest.raises(ConfigurationError) as refused:
        experiment("vision.layers=8", "fusion.kind=mean")
    assert str(refused.value) == (
        "experiment 'quick': setting '8:mean': mean of one layer is the layer itself; write 8, and fusion.kind=single"
    )
    assert experiment("vision.layers=8", "fusion.kind=concat-norm").fusion.kind == "concat-norm"
