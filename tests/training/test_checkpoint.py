import errno

import pytest
import torch

from tests.helpers.full_disk import largest_file
from tests.helpers.logs import logging_to
from tests.helpers.toy_training import Fit, Recorder, optimizer, parts, plan, settings
from videomae2.errors import CheckpointError
from videomae2.tensors.files import save_tensors
from videomae2.training.checkpoint import CheckpointManager, load_optimizer, save_optimizer
from videomae2.training.loop import fit


def fill(folder):
    (folder / "content").write_text("whole")


def test_the_newest_and_every_nth_are_kept(tmp_path):
    saved = CheckpointManager(tmp_path, keep_latest_k=2, keep_interval=40)
    for step in range(10, 101, 10):
        saved.save(step, fill)
    assert saved.list_steps() == [40, 80, 90, 100]
    assert saved.find_latest() == (100, tmp_path / "step-00000100")


def test_a_checkpoint_that_could_not_be_finished_does_not_exist(tmp_path):
    saved = CheckpointManager(tmp_path)
    saved.save(1, fill)

    def out_of_room(folder):
        fill(folder)
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(CheckpointError, match=r"cannot save .*step-00000002: .*No space left"):
        saved.save(2, out_of_room)
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001"]


def test_a_file_that_finds_no_room_leaves_nothing_behind(tmp_path):
    CheckpointManager(tmp_path).save(1, fill)

    def too_large(folder):
        save_tensors(folder / "x", {"x": torch.zeros(1 << 16)})

    error = r"cannot save .*step-00000002: .*File too large"
    with largest_file(1 << 16), pytest.raises(CheckpointError, match=error):
        CheckpointManager(tmp_path).save(2, too_large)
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001"]


def test_any_failure_at_all_leaves_nothing_behind(tmp_path):
    def stopped(folder):
        fill(folder)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        CheckpointManager(tmp_path).save(2, stopped)
    assert list(tmp_path.iterdir()) == []


def test_what_a_kill_left_half_written_is_never_taken_and_goes_away(tmp_path):
    saved = CheckpointManager(tmp_path)
    for name in (".step-00000009.partial", ".step-00000009.bak"):
        (tmp_path / name).mkdir(parents=True)
    assert saved.find_latest() is None
    saved.save(3, fill)
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000003"]


def test_saving_a_step_again_replaces_it(tmp_path):
    saved = CheckpointManager(tmp_path)
    saved.save(3, fill)
    saved.save(3, lambda folder: (folder / "content").write_text("new") and None)
    assert (tmp_path / "step-00000003/content").read_text() == "new"


def last(saved, step, write):
    said = []
    with logging_to(said.append):
        return saved.save_freeing_space(step, write), said


def test_for_the_last_one_older_checkpoints_make_room_oldest_first(tmp_path):
    saved, tries = CheckpointManager(tmp_path, keep_latest_k=3, keep_interval=20), []
    for step in (10, 20, 30, 40, 50):
        saved.save(step, fill)

    def needs_much_room(folder):
        fill(folder)
        tries.append(saved.list_steps())
        if len(tries) < 2:
            raise OSError(errno.ENOSPC, "No space left on device")

    path, said = last(saved, 60, needs_much_room)
    assert tries == [[20, 30, 40, 50], [20, 40, 50]]
    assert said == ["no room to save step 60: the checkpoint of step 30 is deleted"]
    assert path.exists()
    assert saved.list_steps() == [20, 40, 50, 60]


def test_the_newest_checkpoint_never_makes_room(tmp_path):
    saved = CheckpointManager(tmp_path, keep_latest_k=3)
    for step in (10, 20, 30):
        saved.save(step, fill)

    def never_fits(folder):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(CheckpointError, match="No space left"):
        last(saved, 40, never_fits)
    assert saved.list_steps() == [30]


def test_what_is_no_lack_of_room_deletes_nothing(tmp_path):
    saved = CheckpointManager(tmp_path, keep_latest_k=3)
    for step in (10, 20, 30):
        saved.save(step, fill)

    def not_allowed(folder):
        raise OSError(errno.EROFS, "Read-only file system")

    with pytest.raises(CheckpointError, match="Read-only"):
        last(saved, 40, not_allowed)
    assert saved.list_steps() == [10, 20, 30]


def train(task, opt, first, stop):
    recorder = Recorder()
    fit(
        task,
        opt,
        parts(first, stop),
        plan(stop),
        first_step=first,
        callbacks=(recorder,),
        save=lambda _: None,
        **settings(),
    )
    return [record.loss for record in recorder.records]


def test_the_optimizer_goes_on_as_if_it_had_never_been_saved(tmp_path):
    task = Fit()
    opt = optimizer(task)
    train(task, opt, 0, 3)
    save_optimizer(opt, task.named_parameters(), tmp_path / "o")
    other = Fit()
    other.load_state_dict(task.state_dict())
    again = optimizer(other)
    load_optimizer(again, other.named_parameters(), tmp_path / "o")
    assert train(task, opt, 3, 6) == train(other, again, 3, 6)


def test_the_state_of_other_parameters_is_refused(tmp_path):
    task = Fit()
    opt = optimizer(task)
    train(task, opt, 0, 1)
    save_optimizer(opt, [("other", task.weight)], tmp_path / "o")
    with pytest.raises(CheckpointError, match="state of other parameters, such as other"):
        load_optimizer(opt, task.named_parameters(), tmp_path / "o")


@pytest.mark.parametrize("content", [None, b"", b"cut off"])
def test_a_missing_or_broken_state_is_an_error_in_words(tmp_path, content):
    if content is not None:
        (tmp_path / "o").write_bytes(content)
    task = Fit()
    with pytest.raises(CheckpointError, match=f"cannot read {tmp_path / 'o'}: "):
        load_optimizer(optimizer(task), task.named_parameters(), tmp_path / "o")


def test_the_saved_state_is_plain_tensors(tmp_path):
    from safetensors.torch import load_file

    task = Fit()
    opt = optimizer(task)
    train(task, opt, 0, 1)
    save_optimizer(opt, task.named_parameters(), tmp_path / "o")
    found = load_file(tmp_path / "o")
    assert sorted(found) == ["exp_avg/weight", "exp_avg_sq/weight", "step/weight"]
    assert found["step/weight"].dtype == torch.float32
