"""The verdict as one small HTML page without scripts or remote files; all text from the data is escaped."""

from collections.abc import Mapping
from typing import Any

from shallowsight.errors import MissingPackage

_TEMPLATE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Data gate: {{ verdict }}</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; width: 100%; margin: 1rem 0 }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #ddd; vertical-align: top }
td.n { text-align: right; font-variant-numeric: tabular-nums }
td.ids { overflow-wrap: anywhere }
.accepted, .yes { color: #17692c } .refused, .no { color: #a11 }
</style>
</head>
<body>
<h1>Data gate: <span class="{{ verdict }}">{{ verdict }}</span></h1>
<p>{{ bad }} of {{ rows }} rows are bad; at most {{ "%g" | format(max_bad_share) }} of them may be.
{{ good }} rows and {{ image_count }} images go on.</p>
{% for rule in beyond %}<p class="no">{{ rule.reason }}: {{ rule.unexpected }} of {{ rule.looked_at }} rows;
at most {{ "%g" | format(rule.allowed) }} of them may be.</p>{% endfor %}
<h2>Files</h2>
<table><tr><th>file</th><th>rows</th><th>good</th></tr>
{% for file in files %}<tr><td>{{ file.name }}</td><td class="n">{{ file.rows }}</td><td class="n">{{ file.good }}</td>
</tr>{% endfor %}</table>
{% if conversions %}<h2>Converted</h2>
<p>{{ converted }} rows were brought into the form that training reads.</p>
<table><tr><th>what was done</th><th>rows</th><th>the first one</th></tr>
{% for c in conversions %}<tr><td>{{ c.name }}: {{ c.words }}</td><td class="n">{{ c.rows }}</td>
<td class="ids">{{ c.row }}<br><code>{{ c.found }}</code><br>became<br><code>{{ c.became }}</code></td>
</tr>{% endfor %}</table>{% endif %}
<h2>Expectations</h2>
<table><tr><th>what must hold</th><th>reason</th><th>column</th><th>holds</th><th>bad rows</th><th>allowed</th>
<th>for example</th></tr>
{% for e in expectations %}<tr><td>{{ e.name }}</td><td>{{ e.reason }}</td><td>{{ e.column }}</td>
<td class="{{ 'yes' if e.success else 'no' }}">{{ "yes" if e.success else "no" }}</td>
<td class="n">{{ e.unexpected }}</td>
<td class="n">{% if e.allowed is not none %}{{ "%g" | format(e.allowed) }}{% endif %}</td>
<td class="ids">{{ e.examples | join(", ") | truncate(300) }}</td>
</tr>{% endfor %}</table>
{% if notes %}<h2>Noticed, not counted as bad</h2>
<ul>{% for note, count in notes.items() %}<li>{{ note }}: {{ count }} rows</li>{% endfor %}</ul>{% endif %}
</body>
</html>
"""


def render(validation: Mapping[str, Any]) -> str:
    """The page for the content of validation.json."""
    try:
        from jinja2 import Environment, StrictUndefined
    except ImportError:
        raise MissingPackage("great-expectations", extra="data") from None  # this package installs jinja2
    return Environment(autoescape=True, undefined=StrictUndefined).from_string(_TEMPLATE).render(**validation)
