"""Teachers: refused where their clips are not the student's."""

from dataclasses import replace

import pytest

from tests.helpers.classifiers import saved_classifier
from videomae2.commands.train.distill_data import check_same_clips
from videomae2.errors import CheckpointError
from videomae2.models.weights.config_json import SavedClassifierConfig
from videomae2.models.weights.resolve import resolve_classifier


@pytest.mark.parametrize(("name", "value"), [("frames", 4), ("height", 16), ("width", 64)])
def test_a_student_of_other_clips_is_refused_with_both_sizes(tmp_path, name, value):
    saved_classifier(tmp_path / "m")
    teacher = resolve_classifier(tmp_path / "m")
    own = teacher.config.model.encoder
    check_same_clips(replace(own, depth=1, embed_dim=12, num_heads=1), teacher)
    other = replace(own, **{name: value})
    sizes = [f"{e.frames}x{e.height}x{e.width} of 3 channels" for e in (other, own)]
    with pytest.raises(CheckpointError) as caught:
        check_same_clips(other, teacher)
    assert all(size in str(caught.value) for size in sizes)
    assert isinstance(teacher.config, SavedClassifierConfig)
