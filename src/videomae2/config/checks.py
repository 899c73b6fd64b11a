"""Whether a run can work: every problem at once, before any work; no video is opened."""

from videomae2.config.common_checks import COMMON, SHARED, Check
from videomae2.config.distill_checks import DISTILL
from videomae2.config.finetune_checks import FINETUNE
from videomae2.config.limits import outside
from videomae2.config.pretrain_checks import PRETRAIN
from videomae2.config.runs import DistillRun, FinetuneRun, PretrainRun, Run
from videomae2.errors import ConfigError

CHECKS: dict[type, tuple[Check, ...]] = {
    PretrainRun: COMMON + PRETRAIN,
    FinetuneRun: COMMON + FINETUNE,
    DistillRun: SHARED + DISTILL,
}


def check(run: Run) -> None:
    """Raise if a run cannot work.

    Raises:
        ConfigError: With every problem.
    """
    wrong = dict(outside(run))
    problems = list(wrong.values())
    for part, needs in CHECKS[type(run)]:
        if not any(path.startswith(needs) for path in wrong):
            problems += part(run)
    if problems:
        raise ConfigError(problems)
