"""The README says what the records say, shows the picture that they make, and its example works."""

import collections
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml
from _ext import readme
from colors import contrast

from fedswitch.palette import DARK, LIGHT, SERIES
from fedswitch.paper import PAPER, RECORDS, SIBLING
from fedswitch.studies.claims import findings
from fedswitch.studies.claims.fig2 import convergence
from fedswitch.studies.records import load_result

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
NUMBER = re.compile(r"-?\d+\.\d+")


@pytest.fixture(scope="module")
def found():
    return findings()


@pytest.fixture(scope="module")
def drawn(found):
    return readme.picture(found)


def test_the_readme_says_what_was_found(found):
    assert readme.updated(TEXT, readme.found_block(found)) == TEXT, "run `nox -s readme`"


def test_its_numbers_are_those_of_the_records(found):
    text = re.sub(r"\s+", " ", TEXT)
    verdicts = collections.Counter(
        (record.paper, record.verdict) for record in RECORDS if not record.id.startswith("fig")
    )
    right, ambiguous, wrong = (verdicts[PAPER, verdict] for verdict in ("right", "ambiguous", "wrong"))
    assert f"{right} are right, {ambiguous} ambiguous and {wrong} wrong as printed." in text
    assert f"Of {right + ambiguous + wrong} numbered" in text
    assert f"{verdicts[SIBLING, 'wrong']} of its statements are wrong as printed" in text
    for form, words in {"printed": "With the formulas as printed: ", "corrected": "With the corrected ones: "}.items():
        sentence = text.partition(words)[2].partition(".")[0]
        told = {verdict: int(count) for count, verdict in re.findall(r"(\d+) ([a-z ]+)", sentence)}
        assert told == collections.Counter(one.verdict(form) for one in found)
    for one in found:
        title = one.claim.title.lower()
        assert (title in text.partition("**Reproduced**")[2].lower()) == (one.verdict("corrected") == "reproduced")


@pytest.mark.parametrize(("theme", "shown"), [("light", str), ("dark", readme.on_dark)])
def test_the_picture_is_made_from_the_results_as_they_are(theme, shown, drawn):
    """All numbers of the drawing to a hundredth of a point: other machines may differ in the last digits."""
    kept = (ROOT / "book" / "assets" / f"readme-{theme}.svg").read_text(encoding="utf-8")
    made = shown(drawn)
    assert NUMBER.sub("", kept) == NUMBER.sub("", made), "run `nox -s readme`"
    numbers = [[float(number) for number in NUMBER.findall(image)] for image in (kept, made)]
    assert numbers[0] == pytest.approx(numbers[1], abs=0.01), "run `nox -s readme`"


def test_the_picture_has_one_mark_for_each_arm_and_seed():
    study = load_result("fig2_convergence")
    shown = readme.in_smallest_cell(convergence(study.table, study.settings))
    assert set(shown.groupby("arm")["seed"].agg(sorted).map(tuple)) == {study.settings.seeds}
    assert set(shown["arm"]) >= {"ours", "ours_printed", "fedlora"}


@pytest.mark.parametrize("shown", [str, readme.on_dark])
def test_the_picture_can_be_read_on_its_ground(shown):
    """Text and dots have the contrast that the guidelines for accessible pages ask for."""
    ground = shown(LIGHT["ground"])
    assert contrast(shown(LIGHT["ink"]), ground) > 4.5
    assert min(contrast(shown(series), ground) for series in SERIES) > 3
    for color in readme.answer_colors(LIGHT):
        assert contrast(shown(color), shown(readme.ink_on(color))) > 4.5


def test_a_color_without_a_counterpart_on_dark_pages_is_refused():
    assert readme.on_dark(f'fill="{LIGHT["1"]}"') == f'fill="{DARK["1"]}"'
    with pytest.raises(KeyError, match="#123456"):
        readme.on_dark('fill="#123456"')


def test_every_verdict_has_an_answer_once(found):
    counted = collections.Counter(verdict for verdicts in readme.ANSWERS.values() for verdict in verdicts)
    used = {record.verdict for record in RECORDS} | {one.verdict(form) for one in found for form in readme.FORMS}
    assert set(counted.values()) == {1}
    assert used - {"measured"} <= set(counted)
    assert readme.answers({"wrong": 2, "not reproduced": 3, "right": 1}) == {
        "holds": 1, "in part": 0, "does not": 5, "cannot tell": 0
    }  # fmt: skip


def test_a_readme_without_its_marks_is_refused():
    with pytest.raises(ValueError, match="once each"):
        readme.updated("# fedswitch\n", "block")


def test_what_is_written_anew_is_what_was_there(tmp_path):
    (tmp_path / "book" / "assets").mkdir(parents=True)
    for name in ("README.md", "CITATION.cff"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    readme.main(tmp_path)
    assert (tmp_path / "CITATION.bib").read_bytes() == (ROOT / "CITATION.bib").read_bytes()
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == TEXT
    for path in (tmp_path / "book" / "assets").iterdir():
        assert ElementTree.parse(path).getroot().tag.endswith("svg")
    written = {path.name for path in (tmp_path / "book" / "assets").iterdir()}
    assert written == {"readme-light.svg", "readme-dark.svg"}


def test_bibtex_says_what_the_citation_says():
    """As another reader of BibTeX understands it."""
    database = pytest.importorskip("pybtex.database")
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    software, *papers = database.parse_file(ROOT / "CITATION.bib").entries.values()
    for entry, source in zip((software, *papers), (citation, *citation["references"]), strict=True):
        assert entry.fields["title"] == f"{{{source['title']}}}"
        names = [[*person.first_names, *person.middle_names, *person.last_names] for person in entry.persons["author"]]
        assert [" ".join(name) for name in names] == [
            f"{person['given-names']} {person['family-names']}" if "given-names" in person else f"{{{person['name']}}}"
            for person in source["authors"]
        ]
    assert software.fields["note"] == f"version {citation['version']}"
    for paper, source in zip(papers, citation["references"], strict=True):
        assert all(paper.fields[name] == str(source[name]) for name in ("year", "doi", "url"))
        assert source["identifiers"][0]["value"] in paper.fields["note"]


def test_it_cites_what_the_book_accompanies():
    """Both papers, under the titles and authors that the book's own references give."""
    database = pytest.importorskip("pybtex.database")
    cited = database.parse_file(ROOT / "CITATION.bib").entries.values()
    by_number = {entry.fields.get("note", ""): entry for entry in cited}
    listed = database.parse_file(ROOT / "book" / "references.bib").entries
    for paper in (listed["wang2025federated"], listed["wang2024federated"]):
        entry = by_number[paper.fields["note"]]
        assert entry.fields["title"].strip("{}") == paper.fields["title"]
        assert [str(name) for name in entry.persons["author"]] == [str(name) for name in paper.persons["author"]]


def test_its_links_lead_to_files():
    targets = re.findall(r'(?:\]\(|src="|srcset=")([^)"]+)', TEXT)
    assert len(targets) > 5
    assert all((ROOT / target).is_file() for target in targets if not target.startswith("https://"))


def test_its_example_works(capsys, monkeypatch, tmp_path):
    (example,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    tiny = example.replace('backbone="minilm"', 'backbone="tiny"')
    assert tiny != example
    monkeypatch.chdir(tmp_path)
    exec(tiny, {})
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split() == ["round", "accuracy_pooled", "received", "energy_uplink_j", "delay_s"]
    assert [row.split()[1] for row in rows] == ["5", "10", "15", "20", "25", "30"]
    assert (tmp_path / "accuracy.png").stat().st_size > 1000
