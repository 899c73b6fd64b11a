"""How the package reads each kind of file: kind → function of a folder, in the child.

A reader makes its calls through ``attempt``, which notes refusals, and gives whether something was
read. What it raises otherwise is a failure.
"""

from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path

Attempt = Callable[..., object]


def warm_up() -> None:
    """Import all that readers import, before memory is counted."""
    import av  # noqa: F401
    import pyarrow.parquet  # noqa: F401
    import scipy.linalg  # noqa: F401
    import torch
    from PIL import Image

    import tests.fuzz.inputs_state  # noqa: F401
    import videomae2.commands.evaluate.run
    import videomae2.commands.merge_datasets.run
    import videomae2.commands.pipeline.load
    import videomae2.commands.train.finetune
    import videomae2.data.video.npy
    import videomae2.data.video.pages
    import videomae2.inference.features.store
    import videomae2.recipes.table
    import videomae2.reports.curves  # noqa: F401

    Image.init()
    torch.set_num_threads(1)
    torch.ones(8, 8) @ torch.ones(8, 8)


def read_list(name: str, folder: Path, attempt: Attempt) -> bool:
    from videomae2.data.manifests.class_names import infer_classes
    from videomae2.data.manifests.fingerprint import compute_fingerprint
    from videomae2.data.manifests.preview import preview_manifest
    from videomae2.data.manifests.read import read_manifest

    was_read = False
    for options in (
        {},
        {"labels": "required"},
        {"labels": "required", "class_names": ("run", "walk"), "spelling": "same"},
        {"labels": "if-present", "row_filter": "split=train", "groups": "person"},
        {"labels": "required", "first_label": 1, "groups": "folder", "spelling": "distinct"},
    ):
        manifest = attempt(read_manifest, folder / name, **options)
        if manifest is None:
            continue
        was_read = True
        str(preview_manifest(manifest))
        assert list(islice(manifest, 100))
        assert manifest.digest()
        compute_fingerprint(manifest)
        if options:
            attempt(infer_classes, manifest)
    return was_read


def read_classes(name: str, folder: Path, attempt: Attempt) -> bool:
    from videomae2.data.manifests.class_names import read_class_names

    names = attempt(read_class_names, folder / name)
    return names is not None and len("".join(names)) > 0


def read_annotations(name: str, folder: Path, attempt: Attempt) -> bool:
    from videomae2.data.merge.inputs import read_sources, read_targets
    from videomae2.data.merge.sources import MergePart

    part = MergePart("a", folder / name, root=folder / "videos")
    sources = attempt(read_sources, [part], check_files=True)
    targets = attempt(read_targets, [part])
    return bool(sources or targets)


def read_renames(folder: Path, attempt: Attempt) -> bool:
    from videomae2.commands.merge_datasets.run import read_renames

    return attempt(read_renames, folder / "renames.yaml", {"run", "walk"}) is not None


def read_config(folder: Path, attempt: Attempt) -> bool:
    from videomae2.config.checks import check_run
    from videomae2.config.files import load_config
    from videomae2.config.runs import FinetuneRun
    from videomae2.recipes.table import FINETUNE_RECIPES

    base = FINETUNE_RECIPES["own-cpu"]([folder / "v"], folder / "out")
    run = attempt(load_config, FinetuneRun, folder / "run.yaml", base)
    attempt(load_config, FinetuneRun, folder / "run.yaml")
    if run is not None:
        attempt(check_run, run)
    return run is not None


def read_pipeline(folder: Path, attempt: Attempt) -> bool:
    from videomae2.commands.pipeline.load import load_pipeline
    from videomae2.recipes.table import DISTILL_RECIPES, FINETUNE_RECIPES, RECIPES

    recipes = {"pretrain": RECIPES, "finetune": FINETUNE_RECIPES, "distill": DISTILL_RECIPES}
    return attempt(load_pipeline, folder / "pipeline.yaml", recipes) is not None


def read_model(folder: Path, attempt: Attempt) -> bool:
    """The card of a model, with its weights beside it."""
    import torch

    from videomae2.models.weights.resolve import load_classifier, resolve_checkpoint

    card = attempt(resolve_checkpoint, folder)
    loaded = attempt(load_classifier, folder, torch.device("cpu"))
    return card is not None and loaded is not None


def read_weights(name: str, folder: Path, attempt: Attempt) -> bool:
    import torch

    from videomae2.models.weights.containers.source import read_source
    from videomae2.models.weights.resolve import load_classifier

    attempt(load_classifier, folder / name, torch.device("cpu"))
    return attempt(read_source, folder / name) is not None


def read_saved_weights(folder: Path, attempt: Attempt) -> bool:
    import torch

    from videomae2.models.weights.resolve import load_classifier

    return attempt(load_classifier, folder, torch.device("cpu")) is not None


def read_provenance(folder: Path, attempt: Attempt) -> bool:
    import json

    from tests.fuzz.inputs_state import build_provenance, build_run
    from videomae2.commands.train.run_folder import check_resume_compatible
    from videomae2.training.tensor_cache import TensorCache

    run, provenance = build_run(folder), json.loads(build_provenance())

    def check() -> bool:
        check_resume_compatible(run, provenance)
        return True

    was_refused = attempt(check) is None
    cache = attempt(TensorCache.open, folder, provenance)
    return not was_refused or cache is not None


def read_unreadable(folder: Path, attempt: Attempt) -> bool:
    from videomae2.data.loading.quarantine import Quarantine, find_changed_files
    from videomae2.data.manifests.read import read_manifest

    manifest = read_manifest(folder / "v")
    attempt(find_changed_files, folder)
    quarantine = attempt(Quarantine, folder, [manifest], max_share=1.0)
    if quarantine is not None:
        attempt(quarantine.check_share)
        quarantine.format_summary()
    return quarantine is not None


def read_scores(folder: Path, attempt: Attempt) -> bool:
    from videomae2.data.manifests.manifest import Entry
    from videomae2.inference.score_list import ScoreStore

    store = attempt(ScoreStore, folder / "scores.jsonl", (2, 3))
    for name in ("a.mp4", "b.mp4") if store is not None else ():
        if store.has(name, Entry("none.mp4")):
            (scores,) = attempt(lambda name=name: list(store.read([name]))) or [None]
            assert scores is None or scores.shape == (2, 3)
    return store is not None


def read_features(folder: Path, attempt: Attempt) -> bool:
    from videomae2.data.manifests.manifest import Entry
    from videomae2.inference.features.store import FeatureStore, FeatureVideo

    store = attempt(FeatureStore, folder)
    if store is None:
        return False
    for name in store.rows:
        assert store.has(FeatureVideo(name, Entry("none.mp4"))) is False
        attempt(store.load, name)
    return True


def read_stage(folder: Path, attempt: Attempt) -> bool:
    from videomae2.commands.pipeline.state import load_stage_state

    return attempt(load_stage_state, folder) is not None


def read_metrics(folder: Path, attempt: Attempt) -> bool:
    from videomae2.reports.curves import read_metrics_log

    return attempt(read_metrics_log, folder / "metrics.jsonl") is not None


def read_video(name: str, folder: Path, attempt: Attempt, *, most: int = 2**31) -> bool:
    """Open a file, and read three of its first frames."""
    from videomae2.data.video.reader import open_reader

    reader = attempt(open_reader, folder / name)
    if reader is None:
        return False
    with reader:
        last = min(most, reader.num_frames) - 1
        frames = attempt(reader.read, [0, last // 2, last])
        assert frames is None or (len(frames) == 3 and frames.ndim == 4)
        assert reader.seconds is None or len(reader.seconds) == reader.num_frames
    return frames is not None


def read_images(name: str, folder: Path, attempt: Attempt) -> bool:
    """A folder of frames, as a list and as a video."""
    from videomae2.data.manifests.read import read_manifest

    manifest = attempt(read_manifest, folder)
    for entry in manifest or ():
        assert entry.path.startswith(str(folder))
    return read_video(name, folder, attempt, most=3)


def read_array(folder: Path, attempt: Attempt) -> bool:
    from videomae2.data.manifests.read import read_manifest

    attempt(read_manifest, folder)
    return read_video("a.npy", folder, attempt)


READERS: dict[str, Callable[[Path, Attempt], bool]] = {
    **{
        name: partial(read_list, name)
        for name in ("list.txt", "table.csv", "table.tsv", "table.json", "table.jsonl",
                     "table.parquet")
    },
    **{name: partial(read_classes, name)
       for name in ("classes.txt", "classes.json", "classes.csv")},
    **{name: partial(read_annotations, name) for name in ("notes.csv", "notes.json")},
    "renames.yaml": read_renames,
    "run.yaml": read_config,
    "pipeline.yaml": read_pipeline,
    "config.json": read_model,
    "provenance.json": read_provenance,
    "unreadable.jsonl": read_unreadable,
    "scores.jsonl": read_scores,
    "features.jsonl": read_features,
    "stage.json": read_stage,
    "metrics.jsonl": read_metrics,
    "w.safetensors": partial(read_weights, "w.safetensors"),
    "w.pth": partial(read_weights, "w.pth"),
    "saved": read_saved_weights,
    **{
        name: partial(read_video, name)
        for name in ("a.mp4", "a.mkv", "a.avi", "a.ts", "a.webm", "a.gif", "a.y4m", "song.mp4",
                     "playlist.mp4", "pages.tif")
    },
    "a.npy": read_array,
    **{f"frames.{kind}": partial(read_images, "frames") for kind in ("png", "jpg", "tif", "webp")},
}  # fmt: skip
