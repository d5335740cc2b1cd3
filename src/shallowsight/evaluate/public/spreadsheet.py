"""Rows as an Excel file (.xlsx) that has equal bytes for equal rows."""

import math
import re
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

# A model may answer with characters that XML does not have; the file could not be opened with them.
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TIME = re.compile(rb">\d{4}-\d\d-\d\dT[\d:.]+Z<")
_SHEET = "Sheet1"  # as pandas calls it


def spreadsheet(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """One sheet with the keys of the rows as its first line; texts stay texts, also where they begin with `=`."""
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    sheet.title = _SHEET
    columns = list(dict.fromkeys(name for row in rows for name in row))
    lines: list[list[Any]] = [columns, *([row.get(name) for name in columns] for row in rows)]
    for number, values in enumerate(lines, start=1):
        for place, value in enumerate([_writable(value) for value in values], start=1):
            cell = sheet.cell(number, place, value)
            if isinstance(value, str):
                cell.data_type = "s"  # otherwise `=1` would be a formula, and its value empty
    written = BytesIO()
    book.save(written)
    return _without_times(written)


def _writable(value: Any) -> Any:
    if isinstance(value, str):
        return _NOT_IN_XML.sub("", value)
    return None if isinstance(value, float) and math.isnan(value) else value


def _without_times(archive: BytesIO) -> bytes:
    """The same file without the time at which it was written."""
    found = BytesIO()
    with ZipFile(archive) as old, ZipFile(found, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "docProps/core.xml":
                content = _TIME.sub(b">1980-01-01T00:00:00Z<", content)
            new.writestr(ZipInfo(name), content, ZIP_DEFLATED)  # ZipInfo's own time is fixed
    return found.getvalue()
