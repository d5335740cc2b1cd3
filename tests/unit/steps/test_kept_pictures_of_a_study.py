"""Where features of public pictures are kept, and for which layers."""

from pathlib import Path

from evaluated_study import WORDS, evaluated

from shallowsight import steps
from shallowsight.steps.public_sets import kept_pictures
from shallowsight.store.store import PLAN, Store
from shallowsight.study.resolved import SetFacts


def test_a_picture_is_kept_for_all_layers_that_the_study_reads(tmp_path: Path) -> None:
    store = Store(tmp_path / "study")
    resolved = evaluated(store)
    setting = resolved.setting("3")
    assert kept_pictures(resolved, setting, store) is None, "without a public benchmark there is nothing to keep"

    asked = resolved.model_copy(update={"public": {"pope": SetFacts(digest="d", split="test", revision="r", rows=6)}})
    steps.publish(asked, store)
    steps.plan_members(asked, store)
    text = store.read_document(PLAN)
    assert text is not None
    planned = kept_pictures(asked, setting, store)
    assert planned is not None and set(planned.layers) > {3}
    store.write_document(PLAN, text.replace('"study": "', '"study": "another'))
    foreign = kept_pictures(asked, setting, store)
    assert foreign is not None and foreign.layers == (3,), "a plan of another study says nothing of this one's layers"
    store.remove_document(PLAN)
    alone = kept_pictures(asked, setting, store)
    assert alone is not None and alone.layers == (3,)

    other = steps.resolve_study("quick", (*WORDS, f"vision.normalize={not asked.base.vision.normalize}"))
    kept_pictures(other.model_copy(update={"public": asked.public}), setting, store)
    assert len(list((store.root / "pictures").iterdir())) == 2, "features of another kind have a folder of their own"
