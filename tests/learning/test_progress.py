import signal
import threading

import pytest

from fedswitch.learning import federation, simulate
from fedswitch.learning.progress import PROGRESS_VARIABLE, interrupt_later


@pytest.mark.parametrize(
    ("shown", "variable", "visible"),
    [(None, None, False), (None, "1", True), (None, "0", False), (False, "1", False), (True, "0", True)],
)
def test_a_bar_is_shown_on_a_terminal_or_where_asked_for(
    shown, variable, visible, small, toy_task, capsys, monkeypatch
):
    monkeypatch.delenv(PROGRESS_VARIABLE, raising=False)
    if variable is not None:
        monkeypatch.setenv(PROGRESS_VARIABLE, variable)
    simulate(small, task=toy_task, backbone="tiny", rounds=2, progress=shown)
    written = capsys.readouterr()
    assert written.out == ""
    assert bool(written.err) == visible
    if visible:
        assert "random on toy" in written.err
        assert "2/2" in written.err
        assert "accuracy=0." in written.err
        assert "received=" in written.err


def test_a_first_interrupt_is_noted_and_a_second_one_stops():
    before = signal.getsignal(signal.SIGINT)
    with interrupt_later() as interrupt:
        assert not interrupt.is_set()
        signal.raise_signal(signal.SIGINT)
        assert interrupt.is_set()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_a_run_outside_the_main_thread_goes_on_without_signals(small, toy_task):
    tables = []
    worker = threading.Thread(
        target=lambda: tables.append(simulate(small, task=toy_task, backbone="tiny", rounds=1).table)
    )
    worker.start()
    worker.join()
    assert len(tables[0]) == 1


def interrupted_in_round_2(monkeypatch, times):
    """Let Ctrl-C be pressed while the uploads of round 2 are on the air."""
    transmit, rounds = federation.transmit, []

    def pressed(*given, **payload):
        rounds.append(1)
        if len(rounds) == 2:
            for _ in range(times):
                signal.raise_signal(signal.SIGINT)
        return transmit(*given, **payload)

    monkeypatch.setattr(federation, "transmit", pressed)


def test_an_interrupted_run_finishes_its_round_saves_and_says_how_to_go_on(small, toy_task, tmp_path, monkeypatch):
    def run(**options):
        return simulate(small, task=toy_task, backbone="tiny", rounds=4, **options)

    whole, path = run(), tmp_path / "run"
    with monkeypatch.context() as patch:
        interrupted_in_round_2(patch, times=1)
        with pytest.raises(
            KeyboardInterrupt, match=r"stopped after round 2 of 4: the same call with resume='.*run' goes on"
        ):
            run(resume=path, checkpoint_every=100)
    started = []
    monkeypatch.setattr(
        federation, "transmit", lambda *a, f=federation.transmit, **k: (started.append(1), f(*a, **k))[1]
    )
    assert run(resume=path).table.equals(whole.table)
    assert len(started) == 2


def test_without_a_checkpoint_an_interrupted_run_says_that_nothing_is_kept(small, toy_task, monkeypatch):
    interrupted_in_round_2(monkeypatch, times=1)
    with pytest.raises(KeyboardInterrupt, match="stopped after round 2 of 4: nothing is kept"):
        simulate(small, task=toy_task, backbone="tiny", rounds=4)


def test_a_second_interrupt_ends_the_run_at_once(small, toy_task, tmp_path, monkeypatch, saved):
    interrupted_in_round_2(monkeypatch, times=2)
    with pytest.raises(KeyboardInterrupt) as stopped:
        simulate(small, task=toy_task, backbone="tiny", rounds=4, resume=tmp_path / "run", checkpoint_every=1)
    assert "stopped after" not in str(stopped.value)
    assert len(saved(tmp_path / "run")["log"]["rows"]) == 1
