import matplotlib.pyplot as plt
import pytest

from fedswitch.studies.style import use_style


@pytest.mark.parametrize("setting", [{"text.usetex": True}, {"savefig.bbox": "tight"}, {"axes.unicode_minus": False}])
def test_figures_look_the_same_whatever_is_set_for_others(setting):
    with plt.rc_context():
        use_style()
        ours = dict(plt.rcParams)
        plt.rcParams.update(setting)
        use_style()
        assert dict(plt.rcParams) == ours
