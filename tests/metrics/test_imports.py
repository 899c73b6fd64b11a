"""Metrics load the libraries they stand on when they are used: a command's help stays quick."""

import subprocess
import sys
from pathlib import Path

from videomae2 import metrics


def test_importing_metrics_loads_neither_scipy_nor_scikit_learn():
    files = Path(metrics.__file__).parent.glob("*.py")
    modules = [f"videomae2.metrics.{file.stem}" for file in files if file.stem != "__init__"]
    loaded = "sorted({'scipy', 'sklearn'} & set(sys.modules))"
    code = f"import sys, {', '.join(modules)}\nprint({loaded})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
