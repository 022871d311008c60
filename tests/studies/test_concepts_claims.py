import pandas as pd

from fedswitch.studies import concepts
from fedswitch.studies.concepts_claims import CLAIMS, verdicts


def test_claims_are_judged_by_the_rules_of_the_paper():
    settings = concepts.ConceptsSettings(num_ues=8, batch_size=8)
    accuracy = {"fedlora": 0.5, "fedlora_wide": 0.5, "told": 0.9, "grouping": 0.8, "switching": 0.55}
    rows = [
        {"cell": cell, "num_ues": 8, "batch_size": 8, "arm": arm, "seed": seed, "round": 1, "accuracy": 0.5,
         "accuracy_trained": (level if cell == concepts.OPPOSED else 0.9) + 0.01 * seed * (arm == "grouping")}
        for cell in (concepts.OPPOSED, concepts.conflict(0)) for arm, level in accuracy.items() for seed in range(5)
    ]  # fmt: skip
    rows = [
        {**row, "accuracy_weighted": row["accuracy_trained"], "accuracy_trained_min": row["accuracy_trained"]}
        for row in rows
    ]
    said = verdicts(pd.DataFrame(rows), settings)
    assert len(said) == len(CLAIMS)
    assert said["verdict"].tolist() == ["reproduced"] * 4 + ["not measured yet"] * 2 + [
        "reproduced",
        *["not measured yet"] * 5,
    ]
    turned = verdicts(pd.DataFrame(rows).replace({"arm": {"grouping": "told", "told": "grouping"}}), settings)
    assert turned["verdict"].iloc[0] == "reproduced"
    guessed = pd.DataFrame(rows).assign(accuracy_trained=0.5, accuracy_weighted=0.5)
    assert set(verdicts(guessed, settings)["verdict"]) == {"undecided", "not measured yet"}
    worse = pd.DataFrame(rows).replace({"arm": {"grouping": "switching", "switching": "grouping"}})
    assert verdicts(worse, settings)["verdict"].iloc[3] == "not reproduced"
