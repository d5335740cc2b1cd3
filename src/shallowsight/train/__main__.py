"""Start `program`, with Python's collector set before torch is imported: `python -m shallowsight.train task.json`."""

from shallowsight.train.garbage import collect_less_often

collect_less_often()

from shallowsight.train.program import main  # noqa: E402

if __name__ == "__main__":
    main()
