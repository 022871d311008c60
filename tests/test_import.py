"""What `import fedswitch` brings along, seen from a fresh interpreter."""

import json
import subprocess
import sys

import pytest

HEAVY = ["torch", "pandas", "transformers", "peft", "datasets", "pyarrow", "matplotlib", "seaborn", "papermill"]


def in_a_fresh_interpreter(program):
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_importing_takes_numpy_and_the_standard_library_only():
    new = in_a_fresh_interpreter(
        "import sys, json; before = set(sys.modules)\n"
        "import fedswitch\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(json.dumps(sorted(new - set(sys.stdlib_module_names))))"
    )
    assert new == ["fedswitch", "numpy"]


def test_the_numeric_layers_work_without_the_learning_stack():
    blocked = "".join(f"sys.modules[{name!r}] = None\n" for name in HEAVY)
    total = in_a_fresh_interpreter(
        f"import sys, json\n{blocked}"
        "from fedswitch import Scenario, control, wireless\n"
        "scenario = Scenario(num_ues=4)\n"
        "channel = wireless.Cell.draw(scenario, 0).channel(0)\n"
        "allocation = control.allocate_bandwidth(1e6, 0.2 * channel.gain, channel.interference_w,\n"
        "    bandwidth_hz=scenario.bandwidth_hz, noise_psd_w_per_hz=scenario.noise_psd_w_per_hz)\n"
        "print(json.dumps(allocation.share.sum()))"
    )
    assert total == pytest.approx(1.0, abs=1e-9)


def test_what_the_sibling_needs_no_learning_for_works_without_its_stack():
    blocked = "".join(f"sys.modules[{name!r}] = None\n" for name in HEAVY)
    checks = in_a_fresh_interpreter(
        f"import sys, json\n{blocked}from fedswitch import split\nprint(json.dumps(len(split.COUNTEREXAMPLES)))"
    )
    assert checks > 0


def test_unknown_names_are_attribute_errors():
    import fedswitch

    with pytest.raises(AttributeError, match="no attribute 'lerning'"):
        _ = fedswitch.lerning


@pytest.mark.parametrize("study", ["fig3_bandwidth", "fig5_energy"])
def test_a_study_without_learning_does_not_load_torch(study):
    program = f"import sys, json, fedswitch.studies.{study}; print(json.dumps('torch' in sys.modules))"
    assert not in_a_fresh_interpreter(program)


def test_no_model_is_imported_before_one_is_loaded():
    """Pages that show what is recorded open seconds sooner."""
    program = (
        "import sys, json, fedswitch.learning, fedswitch.split, fedswitch.studies.claims\n"
        "print(json.dumps([name for name in sys.modules if name.startswith('transformers.model')]))"
    )
    assert not in_a_fresh_interpreter(program)
