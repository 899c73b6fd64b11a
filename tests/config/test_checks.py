import math
from dataclasses import replace
from pathlib import Path

import pytest

from tests.helpers.run_configs import changed, good_distill, good_finetune, good_run
from videomae2.base.ranges import list_ranges
from videomae2.base.schema import flatten
from videomae2.config.checks import check_run
from videomae2.errors import ConfigError
from videomae2.models.encoder import EncoderConfig
from videomae2.models.lora import LoraConfig
from videomae2.models.weights.init_from import InitConfig


def problems(run):
    with pytest.raises(ConfigError) as caught:
        check_run(run)
    return caught.value.problems


def test_a_good_run_has_no_problems(tmp_path):
    check_run(good_run(tmp_path, 2))


@pytest.mark.parametrize("out", ["videos0", "videos0/run", "other/../videos0/a/b", "link/run"])
@pytest.mark.parametrize(
    ("good", "inputs"),
    [
        (good_run, "data.sources.0.path"),
        (good_finetune, "data.sources.0.path"),
        (good_finetune, "validation.path"),
        (good_distill, "validation.path"),
        (good_run, "online_probe.videos"),
    ],
)
def test_nothing_is_written_into_the_videos_that_are_read(tmp_path, good, inputs, out):
    run = good(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path / "videos0")
    (tmp_path / "elsewhere").mkdir()
    run = changed(run, "data.sources.0.path", tmp_path / "elsewhere")
    run = changed(run, inputs, tmp_path / "videos0")
    assert (
        f"{out} lies in {tmp_path / 'videos0'}, whose videos are read"
        in problems(changed(run, "output_dir", tmp_path / out))[0]
    )
    check_run(changed(run, "output_dir", tmp_path / "videos0-run"))


def test_a_cache_is_not_written_into_the_videos_that_are_read(tmp_path):
    run = changed(good_distill(tmp_path), "teacher.cache_dir", tmp_path / "videos0" / "cache")
    assert problems(run)[0].endswith("taken for some of them; choose another --teacher.cache-dir")


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("optim.global_batch_size", 30, "--optim.global-batch-size 30 does not split into "
                                        "micro-batches of 8; 24 or 32 would"),
        ("optim.global_batch_size", 4, "--optim.global-batch-size 4 does not split into "
                                       "micro-batches of 8; 8 would"),
        ("optim.warmup_epochs", 11.0, "--optim.warmup-epochs 11 is longer than the run of "
                                    "--optim.epochs 10; 1 is usual"),
        ("optim.min_lr", 1.0, "--optim.min-lr 1 is above the peak of --optim.lr 0.001"),
        ("optim.lr", math.nan, "--optim.lr nan cannot work; it wants a number above 0"),
        ("optim.ema_decay", 1.0, "--optim.ema-decay 1.0 cannot work; it wants a share between"),
        ("optim.betas", (0.9, 1.0), "--optim.betas 0.9 1.0 cannot work; it wants a number from 0"),
        ("model.encoder.height", 100, "--model.encoder.height 100 does not split into cubes of "
                                      "16; 96 or 112 would"),
        ("model.encoder.frames", 15, "--model.encoder.frames 15 does not split into cubes of 2"),
        ("model.encoder.num_heads", 7, "--model.encoder.embed-dim 768 does not split over 7 heads"),
        ("model.decoder.num_heads", 5, "--model.decoder.embed-dim 384 does not split over 5 "
                                       "heads; 380"),
        ("model.encoder.channels", 1, "--data.mean has 3 values, --model.encoder.channels wants 1"),
        ("masking.decoder_mask_ratio", 0.3, "--masking.decoder-mask-ratio 0.3 is none that running "
                                            "cells have: 0.25, 0.5, 0.75"),
        ("model.encoder", EncoderConfig(patch_size=1, tubelet_size=1), "--masking cannot work: "
                                                                       "pixels"),
        ("model.decoder.drop_path", 1.0, "--model.decoder.drop-path 1.0 cannot work"),
        ("masking.encoder_mask_ratio", 0.001, "--masking cannot work: tube masking at ratio 0.001"),
        ("model.encoder.height", 112, "running cells are 2x2 and do not tile 7x14 cubes"),
        ("data.views", 0, "--data.views 0 cannot work; it wants 1 or more"),
        ("data.std", (1.0, 0.0, 1.0), "--data.std 1.0 0.0 1.0 cannot work"),
        ("data.sources.0.weight", 0.0, "--data.sources.0.weight 0.0 cannot work"),
        ("data.sources.0.frame_rate", 0.0, "--data.sources.0.frame-rate 0.0 cannot work"),
        ("data.sources.0.frame_interval", 2.5, "--data.sources.0.frame-interval 2.5 is no whole "
                                               "number of frames; 2 is, or count in another "
                                               "--data.sources.0.interval-unit"),
        ("data.sources", (), "there are no videos; name a folder or a list of videos"),
        ("checkpoint.interval", 0, "--checkpoint.interval 0 cannot work; it wants 1 or more"),
        ("checkpoint.keep_interval", 700, "--checkpoint.keep-interval 700 misses the checkpoints "
                                          "that --checkpoint.interval 500 makes; 500 or 1000 "
                                          "would not"),
        ("reading.max_short_side", 200, "--reading.max-short-side 200 is smaller than the clips"),
        ("online_probe.interval", 0, "--online-probe.interval 0 cannot work; it wants 1 or more"),
        ("online_probe.interval", 100, "--online-probe.interval has no effect without "
                                       "--online-probe.videos"),
        ("online_probe.videos", Path("/no/such.csv"), "--online-probe.videos /no/such.csv does not "
                                                      "exist; / is there, without no: is it "
                                                      "misspelt"),
        ("runtime.device", "gpu", "--runtime.device gpu is not known; it wants auto, cpu, cuda"),
        ("seed", -1, "--seed -1 cannot work"),
    ],
)  # fmt: skip
def test_a_problem_names_the_flag_and_what_would_work(tmp_path, path, value, problem):
    found = problems(changed(good_run(tmp_path), path, value))
    assert any(problem in line for line in found), found


def test_all_problems_come_at_once(tmp_path):
    run = changed(good_run(tmp_path), "optim.global_batch_size", 30)
    run = changed(run, "optim.lr", -1.0)
    run = changed(run, "model.encoder.height", 100)
    assert len(problems(run)) == 3


def test_a_path_that_is_not_there_says_how_far_it_is(tmp_path):
    run = changed(good_run(tmp_path), "data.sources.0.path", tmp_path / "no" / "such")
    assert problems(run) == [
        f"videos: {tmp_path}/no/such does not exist; {tmp_path} is there, without no: "
        "is it misspelt, or its disk not mounted?"
    ]


def test_a_root_for_a_folder_has_no_effect(tmp_path):
    run = changed(good_run(tmp_path), "data.sources.0.root", tmp_path)
    assert "has no effect" in problems(run)[0]


def test_a_run_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "run").touch()
    assert "is a file; it wants a folder" in problems(good_run(tmp_path))[0]


def test_a_decoder_ratio_without_decoder_masking_is_refused(tmp_path):
    run = changed(good_run(tmp_path), "masking.decoder", "none")
    check_run(run)
    found = problems(changed(run, "masking.decoder_mask_ratio", 0.25))
    assert "--masking.decoder-mask-ratio 0.25 has no effect" in found[0]


def test_settings_without_effect_on_the_masks_are_refused(tmp_path):
    run = changed(good_run(tmp_path), "masking.decoder_queries", "hidden_only")
    assert "has no effect" in problems(changed(run, "masking.decoder", "none"))[0]


@pytest.mark.parametrize("unit", ["frames", "per-second"])
def test_a_stride_of_segments_is_refused_their_clock_is_not(tmp_path, unit):
    """Parts of equal time need a clock, and no stride."""
    run = changed(good_finetune(tmp_path), "data.sources.0.frame_sampling", "tsn")
    run = changed(run, "data.sources.0.interval_unit", unit)
    check_run(run)
    (found,) = problems(changed(run, "data.sources.0.frame_interval", 3.0))
    assert found.startswith(
        "--data.sources.0.frame-interval 3 has no effect with --data.sources.0.frame-sampling"
    )
    assert "leave it out, or say 4 where" in found


def test_limits_of_crops_that_draw_none_are_refused(tmp_path):
    run = changed(good_run(tmp_path), "data.crop.scale", (0.5, 1.0))
    assert "--data.crop.scale 0.5 1 has no effect with --data.crop.kind multi" in problems(run)[0]
    run = changed(run, "data.crop.kind", "random-resized")
    check_run(run)
    run = changed(run, "data.crop.ratio", (2.0, 1.0))
    assert problems(run) == ["--data.crop.ratio 2 1 has its larger end first; 1 2 would work"]
    assert "wants shares above 0" in problems(changed(run, "data.crop.scale", (0.0, 1.0)))[0]


def test_every_number_of_a_run_has_a_limit(tmp_path):
    tuned = changed(good_finetune(tmp_path), "tuning.lora", LoraConfig(rank=2, target_modules=()))
    for run in (good_run(tmp_path), tuned, good_distill(tmp_path)):
        numbers = {
            path
            for path, value in flatten(run)
            if type(value) in (int, float) or (isinstance(value, tuple) and value)
        }
        assert numbers <= {path for path, _, _ in list_ranges(run)}


def test_a_finetuning_run_with_the_released_defaults_passes(tmp_path):
    check_run(good_finetune(tmp_path))


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (
            "model.encoder.num_heads",
            7,
            "--model.encoder.embed-dim 768 does not split over 7 heads; 763 or",
        ),
        ("task.task_type", "regression", "--task.task-type regression wants --labels.columns"),
        ("labels.columns", ("label",), "--labels.columns has no effect where each clip has one"),
        ("labels.class_names", Path("gone.txt"), "--labels.class-names gone.txt is no file"),
        ("task.distance", "absolute", "--task.distance 'absolute' has no effect on classes"),
        ("optim.micro_batch_size", 0, "--optim.micro-batch-size 0 cannot work; it wants 1 or more"),
        ("tuning.frozen_blocks", 13, "--tuning.frozen-blocks 13 is more than the 12"),
        (
            "tuning.lora",
            LoraConfig(rank=2, target_modules=()),
            "--tuning.lora.target-modules is empty",
        ),
        (
            "tuning.lora",
            LoraConfig(alpha=4.0),
            "--tuning.lora.alpha and --tuning.lora.target-modules have no effect",
        ),
        ("init.weights", Path("gone"), "--init.weights gone does not exist"),
        ("labels.class_names", Path("kinetic-400"), "--labels.class-names kinetic-400 is no file"),
        ("init", InitConfig(norm="reinit"), "--init.norm, --init.head, --init.pos-embed and"),
        (
            "init.pos_embed",
            "reinit",
            "--init.norm, --init.head, --init.pos-embed and --init.class-names",
        ),
        ("init.class_names", Path("ucf101"), "--init.norm, --init.head, --init.pos-embed and --in"),
        (
            "init",
            InitConfig(weights=Path("/"), class_names=Path("x")),
            "--init.class-names x is no file",
        ),
        ("tuning.frozen_blocks", 2, "--tuning.frozen-blocks 2 would keep random weights"),
        ("tuning.lora", LoraConfig(rank=2), "--tuning.lora.rank 2 would keep random weights"),
        ("validation.path", Path("gone"), "--validation.path gone does not exist"),
        ("validation.root", Path("gone"), "--validation.root has no effect without --validation"),
        ("validation.filter", "a=b", "--validation.filter has no effect without --validation"),
        ("validation.share", 1.0, "--validation.share 1.0 cannot work"),
    ],
)
def test_settings_of_finetuning_that_cannot_work_are_refused(tmp_path, path, value, said):
    found = problems(changed(good_finetune(tmp_path), path, value))
    assert any(problem.startswith(said) for problem in found), found


def test_one_clip_cannot_be_mixed(tmp_path):
    run = changed(changed(good_finetune(tmp_path), "optim.micro_batch_size", 1), "data.views", 1)
    assert "--augment.mix mixes the clips of a micro-batch" in problems(run)[0]
    check_run(changed(run, "data.views", 2))
    check_run(changed(run, "augment.mix.prob", 0.0))


def test_pretraining_takes_exact_strides(tmp_path):
    run = changed(good_run(tmp_path), "data.sources.0.frame_sampling", "dense")
    assert problems(run) == [
        "--data.sources.0.frame-sampling dense is for labelled videos; pre-training takes frames "
        "at exact intervals (strided) or over the whole video (tsn, whole)"
    ]


@pytest.mark.parametrize("build", [good_run, good_finetune])
@pytest.mark.parametrize("kind", ["tsn", "whole"])
def test_whole_videos_have_no_stride(tmp_path, build, kind):
    run = changed(build(tmp_path), "data.sources.0.frame_sampling", kind)
    check_run(run)
    (found,) = problems(changed(run, "data.sources.0.frame_interval", 2.5))
    assert f"has no effect with --data.sources.0.frame-sampling {kind}" in found


def test_whole_videos_have_no_clock(tmp_path):
    run = changed(good_run(tmp_path), "data.sources.0.frame_sampling", "whole")
    (found,) = problems(changed(run, "data.sources.0.interval_unit", "seconds"))
    assert found.startswith("--data.sources.0.interval-unit seconds has no effect with")
    assert "or say frames where" in found


@pytest.mark.parametrize(
    ("lengths", "said"),
    [
        ({"steps": 5}, "--optim.epochs 10 and --optim.steps 5 say the same length twice"),
        ({"warmup_steps": 5}, "--optim.warmup-epochs 1 and --optim.warmup-steps 5 say"),
        ({"epochs": None}, "--optim.steps is missing, or --optim.epochs in its place"),
        ({"warmup_epochs": None}, "--optim.warmup-steps is missing, or --optim.warmup-epochs in"),
        (
            {"epochs": None, "warmup_epochs": None, "steps": 40, "warmup_steps": 41},
            "--optim.warmup-steps 41 is longer than the run of --optim.steps 40; 2 is usual",
        ),
        ({"epochs": None, "steps": 0}, "--optim.steps 0 cannot work; it wants 1 or more"),
    ],
)
def test_a_length_is_said_once(tmp_path, lengths, said):
    run = good_run(tmp_path)
    found = problems(replace(run, optim=replace(run.optim, **lengths)))
    assert any(problem.startswith(said) for problem in found), found


def test_steps_may_go_with_a_warmup_in_epochs(tmp_path):
    run = good_run(tmp_path)
    check_run(replace(run, optim=replace(run.optim, epochs=None, steps=5)))


def test_a_distillation_with_the_defaults_passes(tmp_path):
    check_run(good_distill(tmp_path))


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("teacher.weights", None, "--teacher.weights is missing; it wants a fine-tuning run"),
        ("teacher.weights", Path("gone"), "--teacher.weights gone does not exist"),
        (
            "teacher.cache_dtype",
            "float16",
            "--teacher.cache-dtype has no effect without --teacher.cache-dir",
        ),
        (
            "teacher.cache_dir",
            Path(__file__),
            f"--teacher.cache-dir {__file__} is a file; it wants",
        ),
        ("model.encoder.num_heads", 7, "--model.encoder.embed-dim 768 does not split"),
        ("model.encoder.height", 100, "--model.encoder.height 100 does not"),
        ("model.encoder.channels", 1, "--data.mean has 3 values, --model.encoder.channels"),
        ("init.weights", Path("gone"), "--init.weights gone does not"),
        ("init.norm", "reinit", "--init.norm, --init.head, "),
        ("task.temperature", 0.0, "--task.temperature 0.0 cannot work; it wants a number above 0"),
        ("task.soft_weight", 0.0, "--task.soft_weight, hard_weight and feature_weight are all 0"),
        ("task.label_smoothing", 0.1, "--task.label_smoothing has no effect with hard_weight 0"),
        ("labels.class_names", Path("gone.txt"), "--labels.class-names gone.txt is no file"),
        ("validation.path", Path("gone"), "--validation.path gone does not exist"),
        ("reading.max_short_side", 200, "--reading.max-short-side 200 is smaller than the clips"),
    ],
)
def test_settings_of_distillation_that_cannot_work_are_refused(tmp_path, path, value, said):
    found = problems(changed(good_distill(tmp_path), path, value))
    assert any(problem.startswith(said) for problem in found), found


def test_a_fresh_position_table_and_one_that_is_named_do_not_go_together(tmp_path):
    init = InitConfig(weights=tmp_path, pos_embed="reinit")
    for good in (good_finetune, good_distill):
        run = changed(good(tmp_path), "init", init)
        check_run(run)
        (said,) = problems(changed(run, "model.encoder.pretrained_grid", (8, 14, 14)))
        assert said == (
            "--init.pos-embed reinit has no effect with --model.encoder.pretrained-grid, "
            "which names another table; leave out one of both"
        )


def test_labels_are_there_or_not(tmp_path):
    run = changed(good_distill(tmp_path), "labelled", False)
    check_run(run)
    found = problems(changed(run, "task.hard_weight", 0.5))
    assert found == ["--task.hard-weight wants labels, and --no-labelled says there are none"]
