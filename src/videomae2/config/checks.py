"""Whether a run can work: every problem at once, before any work; no video is opened.

The range of a number is part of the type of its field.
"""

from videomae2.base.ranges import find_range_errors
from videomae2.config.distill_checks import DISTILL_CHECKS
from videomae2.config.finetune_checks import FINETUNE_CHECKS
from videomae2.config.pretrain_checks import PRETRAIN_CHECKS
from videomae2.config.runs import DistillRun, FinetuneRun, PretrainRun, Run
from videomae2.config.shared_checks import SHARED_CHECKS, Check
from videomae2.errors import ConfigError

CHECKS: dict[type, tuple[Check, ...]] = {
    PretrainRun: SHARED_CHECKS + PRETRAIN_CHECKS,
    FinetuneRun: SHARED_CHECKS + FINETUNE_CHECKS,
    DistillRun: SHARED_CHECKS + DISTILL_CHECKS,
}


def check_run(run: Run, *, about: str = "") -> None:
    """Raise if a run cannot work.

    Args:
        run: What was asked for.
        about: Only what settings of this part of it can break, such as ``optim.``; all if empty.

    Raises:
        ConfigError: With every problem.
    """
    range_problems = dict(find_range_errors(run))
    problems = list(range_problems.values())
    for find_problems, prefixes in CHECKS[type(run)]:
        is_asked = not about or any(prefix.startswith(about) for prefix in prefixes)
        if is_asked and not any(path.startswith(prefixes) for path in range_problems):
            problems += find_problems(run)
    if problems:
        raise ConfigError(problems)
