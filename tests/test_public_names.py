import subprocess
import sys

import videomae2


def test_every_public_name_is_there_and_documented():
    for name in videomae2.__all__:
        assert getattr(videomae2, name).__doc__
    assert set(videomae2.__all__) < set(dir(videomae2))


def test_importing_the_package_imports_nothing_heavy():
    code = "import sys, videomae2; print([m for m in ('torch', 'av', 'tyro') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
