import json

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from fedswitch.studies.records import provenance, save_study


@pytest.fixture
def figure():
    made = plt.figure()
    yield made
    plt.close(made)


def test_a_record_says_what_is_needed_to_repeat_a_result():
    record = provenance({"num_ues": 3, "sizes": (1, 2)})
    assert record["settings"] == {"num_ues": 3, "sizes": (1, 2)}
    assert set(record) == {"settings", "versions", "commit", "machine", "date"}
    assert record["versions"]["torch"].startswith("2.")
    assert len(record["date"]) == 10


def test_a_study_leaves_table_figure_and_record(tmp_path, figure):
    table = pd.DataFrame({"round": [1, 2], "accuracy": [0.5, float("nan")]})
    folder = tmp_path / "deep" / "out"
    save_study(folder, "study", table=table, figure=figure, settings={"seed": 0})
    assert sorted(path.name for path in folder.iterdir()) == [
        f"study.{end}" for end in ("json", "parquet", "png", "svg")
    ]
    pd.testing.assert_frame_equal(pd.read_parquet(folder / "study.parquet"), table)
    assert json.loads((folder / "study.json").read_text())["settings"] == {"seed": 0}


def test_a_result_that_cannot_be_completed_leaves_the_earlier_one(tmp_path, figure):
    table = pd.DataFrame({"round": [1]})
    save_study(tmp_path, "study", table=table, figure=figure, settings={})
    before = (tmp_path / "study.parquet").read_bytes()
    unwritable = pd.DataFrame({"round": [object()]})
    with pytest.raises(Exception, match="object"):
        save_study(tmp_path, "study", table=unwritable, figure=figure, settings={})
    assert (tmp_path / "study.parquet").read_bytes() == before
