"""The bits of 16-bit frames go with the weights: what was dark in training is dark later on."""

import logging
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.helpers.finetune_runs import small_finetune
from tests.helpers.pretrain_runs import small_run
from videomae2.commands.evaluate.config import EvaluateConfig
from videomae2.commands.evaluate.run import prepare_evaluation
from videomae2.commands.probe.config import ProbeSettings
from videomae2.commands.probe.plan import prepare_probe
from videomae2.commands.train import finetune, pretrain
from videomae2.commands.train.setup import build_model_config
from videomae2.data.manifests.read import ListConfig
from videomae2.data.video.reader import open_reader
from videomae2.errors import ConfigError
from videomae2.inference.inputs import expand_inputs
from videomae2.inference.predictor import Predictor
from videomae2.inference.probe_data import ProbeListConfig
from videomae2.models.classifier import Classifier
from videomae2.models.init import init_classifier_weights
from videomae2.models.weights.config_json import load_model_config
from videomae2.models.weights.init_from import InitConfig
from videomae2.models.weights.saved import save_model

pytestmark = pytest.mark.usefixtures("reads_here")


def save_arrays(folder, bits, each=6):
    """A folder for each of two classes, of arrays whose largest value needs so many bits."""
    rng = np.random.default_rng(bits)
    for name in ("a", "b"):
        (folder / name).mkdir(parents=True)
        for number in range(each):
            frames = rng.integers(0, 2**bits, (12, 32, 32, 1), np.uint16)
            frames[6, 0, 0] = 2**bits - 1
            np.save(folder / name / f"{bits}-{number}.npy", frames)
    return folder


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bits")
    for name, bits in (("bright", 12), ("dark", 10), ("brighter", 14)):
        save_arrays(folder / name, bits)
    return folder


def small(place, out, **changed):
    run = small_finetune(place / "bright", out)
    channels = {"mean": (0.5,), "std": (0.25,)}
    encoder = replace(run.model.encoder, channels=1)
    optim = replace(run.optim, epochs=None, steps=2, warmup_epochs=0.0, layer_decay=1.0)
    model = replace(run.model, encoder=encoder)
    data = replace(run.data, **channels)
    return replace(run, data=data, model=model, optim=optim, **changed)


@pytest.fixture(scope="module")
def trained(place):
    """A saved model, as training would begin with it."""
    job = finetune.load_job(small(place, place / "run"))
    card = build_model_config(job.run, ("a", "b"), "multiclass")
    model = Classifier(job.run.model)
    init_classifier_weights(model, torch.Generator().manual_seed(0))
    (place / "trained").mkdir()
    save_model(place / "trained", model.state_dict(), card)
    return place / "trained"


def test_they_are_kept_with_the_weights_and_the_run(place, trained):
    assert load_model_config(trained).bits == 12
    job = finetune.load_job(small(place, place / "run"))
    assert job.build_provenance()["settings"]["data"]["sources"][0]["bits"] == 12


def test_held_out_videos_are_read_as_those_of_training(place):
    run = small(place, place / "other")
    job = finetune.load_job(replace(run, validation=replace(run.validation, path=place / "dark")))
    assert {entry.bits for entry in job.videos.val.manifests[0]} == {12}
    explicit = replace(run.validation, path=place / "dark", bits=10)
    job = finetune.load_job(replace(run, validation=explicit))
    assert {entry.bits for entry in job.videos.val.manifests[0]} == {10}


def test_evaluation_reads_videos_as_training_did(place, trained, caplog):
    config = EvaluateConfig(device="cpu")
    manifest = prepare_evaluation(trained, place / "dark", config=config).dataset.manifest
    assert manifest[0].bits == 12
    assert "12 of 16 bits are taken" in manifest.warnings[0]
    assert "the largest value seen, 1023, needs 10" in manifest.warnings[0]
    config = replace(config, list=ListConfig(bits=10))
    with caplog.at_level(logging.WARNING):
        manifest = prepare_evaluation(trained, place / "dark", config=config).dataset.manifest
    assert manifest[0].bits == 10
    assert f"{trained} was trained with 12 of 16 bits, and here 10 count" in caplog.text


def test_prediction_reads_videos_as_training_did(place, trained, caplog):
    video = place / "dark" / "a" / "10-0.npy"
    with caplog.at_level(logging.WARNING):
        predictor = Predictor(trained, device="cpu")
        found = predictor.predict(video).scores
    assert "12 of 16 bits are taken" in caplog.text
    with open_reader(video, pixels="gray", bits=12) as reader:
        np.testing.assert_allclose(found, predictor.predict(reader.read(range(12))).scores)
    assert [each.entry.bits for each in expand_inputs([video], predictor.bits)] == [12]
    assert Predictor(trained, device="cpu", bits=10).bits == 10


def test_probes_read_both_lists_as_the_weights_were_trained(place, trained):
    settings = ProbeSettings(device="cpu", methods=("knn",), folds=2, cache_dir=place / "cache")
    plan = prepare_probe(trained, place / "dark", place / "brighter", settings=settings)
    assert [manifest[0].bits for _, manifest, _ in plan.lists] == [12, 12]
    lists = ProbeListConfig(bits=14)
    plan = prepare_probe(
        trained, place / "dark", place / "brighter", settings=settings, list_config=lists
    )
    assert [manifest[0].bits for _, manifest, _ in plan.lists] == [14, 14]


@pytest.mark.parametrize("bits", [None, 10])
def test_other_bits_than_those_of_the_first_weights_are_refused(place, trained, bits):
    run = small(place, place / "second", init=InitConfig(weights=trained))
    source = replace(run.data.sources[0], path=place / "dark", bits=bits)
    run = replace(run, data=replace(run.data, sources=(source,)))
    with pytest.raises(ConfigError, match=r"12 of 16 bits, and here 10 .*\.sources\.0\.bits 12"):
        finetune.load_job(run).try_init()
    source = replace(source, bits=12)
    finetune.load_job(replace(run, data=replace(run.data, sources=(source,)))).try_init()


def test_sources_of_several_bits_leave_it_open(place, tmp_path):
    run = small_run(place / "bright", tmp_path / "run")
    (source,) = run.data.sources
    sources = tuple(replace(source, path=place / name) for name in ("bright", "dark"))
    job = pretrain.load_job(replace(run, data=replace(run.data, sources=sources)))
    assert [each.bits for each in job.run.data.sources] == [12, 10]
    assert pretrain.build_autoencoder_config(job.run).bits is None
    job = pretrain.load_job(run)
    assert pretrain.build_autoencoder_config(job.run).bits == 12
