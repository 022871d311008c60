"""The cards of the front page: three links, with the numbers of the records."""

import re

import pytest

pytest.importorskip("sphinx")
pytest.importorskip("myst_parser")
pytest.importorskip("sphinx_design")

from small_books import build_book

from fedswitch.paper import ELEMENTS
from fedswitch.studies.claims import findings

PAGE = """# Front

```{findings}
```

(sec-claims)=
## Claims

(sec-errata)=
## Errata

(sec-bounds)=
## Bounds
"""


def test_three_cards_lead_to_their_pages_and_tell_what_the_records_say(tmp_path):
    out, warned = build_book(tmp_path, {"index.md": PAGE}, ["myst_parser", "sphinx_design", "_ext"], nitpicky=True)
    assert warned == ""
    html = (out / "index.html").read_text(encoding="utf-8").partition("findings")[2].partition("<section")[0]
    assert re.findall(r'href="#([\w-]+)"', html) == ["sec-claims", "sec-errata", "sec-bounds"]
    first, second, third = (re.sub(r"<[^>]+>|\s+", " ", card) for card in html.split("sd-card-body")[1:])
    words = [re.sub(r" +", " ", card) for card in (first, second, third)]
    judged = [element.verdict for element in ELEMENTS if not element.id.startswith("fig")]
    verdicts = [one.verdict("corrected") for one in findings()]
    reproduced, partly, failed, undecided = map(verdicts.count, ("reproduced", "partly", "not reproduced", "undecided"))
    assert f"{judged.count('right')} of {len(judged)} equations" in words[0]
    assert f"{reproduced} of {len(verdicts)} claims, and {partly} in part" in words[0]
    assert f"{judged.count('wrong')} are wrong, {judged.count('ambiguous')} ambiguous" in words[1]
    missed = [element for element in ELEMENTS if "missed" in {erratum.cause for erratum in element.errata}]
    assert f"{len(missed)} share one mistake" in words[1]
    assert f"{failed} claims are not reproduced, {undecided} undecided" in words[1]
    assert f"{len({check for element in ELEMENTS for check in element.checks})} checks" in words[2]
