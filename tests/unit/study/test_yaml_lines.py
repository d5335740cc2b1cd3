"""A file that is no YAML is told with its line, and how to mend it."""

from pathlib import Path

import pytest

from shallowsight.errors import ConfigurationError
from shallowsight.study.yaml_lines import read_document

STAR = "a value that begins with '*' needs quotes: cron: \"...\""
OPEN = "while parsing a flow sequence expected ',' or ']', but got ':'"
BROKEN = [
    pytest.param("a: 1\ncron: */5 * * * *\n", f":2: {STAR}", id="stroke"),
    pytest.param("cron: */5 8,20 * * *\n", f":1: {STAR}", id="comma"),
    pytest.param("  - cron: * 5 * * *  # each\n", f":1: {STAR}", id="blank"),
    pytest.param("- {a: 1, cron: * 2 * * 1,3, b: 2}\n", f":1: {STAR}", id="between others"),
    pytest.param("x: &x 1\ny: {a: *x, cron: *, b: 2}\n", f":2: {STAR}", id="behind one that is right"),
    pytest.param("cron: *daily\n", f":1: {STAR}", id="a name of nothing"),
    pytest.param("name: @me\n", ":1: a value that begins with '@' needs quotes: name: \"...\"", id="at"),
    pytest.param("settings: [3\nset: {a: &x 1}\n", f" is not YAML: line 2: {OPEN}", id="above an anchor"),
    pytest.param("x: &x 1\nsettings: [3\nset: {a: *x}\n", f" is not YAML: line 3: {OPEN}", id="above an alias"),
    pytest.param("x: &x 1\ny: {a: *x]\n", " is not YAML: line 2: while parsing a flow mapping", id="behind an alias"),
    pytest.param("a: 1\nb: [\nc: 2\n", " is not YAML: line 4: while parsing a flow sequence expected", id="bracket"),
    pytest.param("a: 'x\n", " is not YAML: line 2: while scanning a quoted scalar found unexpected end", id="the end"),
    pytest.param("a: \x07\n", " is not YAML: unacceptable character #x0007", id="no text"),
]


@pytest.mark.parametrize(("text", "says"), BROKEN)
def test_broken(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as refused:
        read_document(path)
    assert str(refused.value).startswith(f"{path}{says}")
    assert not says.endswith('"') or str(refused.value).endswith(says), "a value is never shown cut"
    assert "\n" not in str(refused.value)


def test_no_utf8(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match=r"x.yaml is not YAML: 'utf-8' codec"):
        read_document(tmp_path / "x.yaml")


def test_what_is_quoted_is_a_text(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text('a: &mark 1\nb: *mark\ncron: "*/5 * * * *"\n')
    found = read_document(tmp_path / "x.yaml")
    assert found.value == {"a": 1, "b": 1, "cron": "*/5 * * * *"}
    assert (found.line_of(["cron"]), found.where(["nothing"])) == (3, f"{tmp_path / 'x.yaml'}:1")
