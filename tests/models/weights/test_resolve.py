"""Which model of a run is used, and which of its weights."""

import pytest
import torch
from safetensors.torch import save_file

from tests.helpers.classifiers import saved_classifier
from videomae2.errors import CheckpointError
from videomae2.models.weights.model_ref import (
    EMA_FILE,
    find_run_folder,
)
from videomae2.models.weights.resolve import (
    ADAPTERS_FILE,
    resolve_checkpoint,
    resolve_classifier,
)

CPU = torch.device("cpu")


@pytest.fixture
def run(tmp_path):
    """A run folder with two checkpoints."""
    for step in (5, 10):
        folder = tmp_path / "checkpoints" / f"step-{step:08d}"
        folder.mkdir(parents=True)
        saved_classifier(folder)
    return tmp_path


def add_means(folder, model):
    means = {name: value.detach() + 1 for name, value in model.named_parameters()}
    save_file(means, folder / EMA_FILE)
    return means


def test_the_best_comes_before_the_newest(run):
    chosen = resolve_checkpoint(run)
    assert (chosen.path.name, chosen.reason) == ("step-00000010", "newest checkpoint")
    saved_classifier(run / "best")
    chosen = resolve_checkpoint(run)
    assert (chosen.path, chosen.reason) == (run / "best", "best by validation")
    assert "best by validation" in str(chosen)


def test_a_saved_model_is_taken_as_it_is(run):
    saved_classifier(run / "best")
    older = run / "checkpoints" / "step-00000005"
    assert resolve_checkpoint(older).path == older
    assert find_run_folder(older) == find_run_folder(run / "best") == find_run_folder(run) == run


def test_a_best_model_belongs_to_its_run(run):
    assert find_run_folder(run / ".best.bak") == run
    theirs = run / "checkpoints" / "mine"
    assert find_run_folder(theirs / "best") == theirs, "a run in a folder that somebody called so"


def test_running_means_are_used_where_there_are_some(run):
    model = saved_classifier(run / "best")
    assert resolve_checkpoint(run).weights == "raw"
    means = add_means(run / "best", model)
    for wanted, used in (("auto", "ema"), ("ema", "ema"), ("raw", "raw")):
        chosen = resolve_checkpoint(run, wanted)
        assert chosen.weights == used
        loaded = resolve_classifier(run, weights=wanted).load(CPU)
        wanted_weights = means if used == "ema" else dict(model.named_parameters())
        for name, value in loaded.named_parameters():
            assert torch.equal(value, wanted_weights[name])
    assert (
        resolve_checkpoint(run, "raw").compute_digest()
        != resolve_checkpoint(run, "ema").compute_digest()
    )


def test_means_that_are_wanted_must_be_there(run):
    with pytest.raises(CheckpointError, match="to use; leave --weights ema out"):
        resolve_checkpoint(run, "ema")


def test_means_of_another_model_are_refused(run):
    saved_classifier(run / "best")
    save_file({"head.other": torch.zeros(2)}, run / "best" / EMA_FILE)
    with pytest.raises(CheckpointError, match=r"head\.other is not of this model"):
        resolve_classifier(run).load(CPU)


def test_a_model_saved_from_means_says_so(run):
    saved_classifier(run / "best", notes={"ema": True})
    assert resolve_checkpoint(run).weights == "ema"
    resolve_classifier(run).load(CPU)
    with pytest.raises(CheckpointError, match="holds running means only"):
        resolve_checkpoint(run, "raw")


def test_means_of_adapters_are_left_alone(run):
    add_means(run / "best", saved_classifier(run / "best"))
    save_file({"a": torch.zeros(2)}, run / "best" / ADAPTERS_FILE)
    assert resolve_checkpoint(run).weights == "raw"


def test_nothing_to_use_is_an_error(tmp_path):
    with pytest.raises(CheckpointError, match="holds neither a model nor checkpoints"):
        resolve_checkpoint(tmp_path)


def test_the_digest_is_of_the_weights(run):
    saved_classifier(run / "best")
    first = resolve_checkpoint(run).compute_digest()
    assert resolve_checkpoint(run).compute_digest() == first
    saved_classifier(run / "best", drop_path=0.1)
    assert resolve_checkpoint(run).compute_digest() != first
