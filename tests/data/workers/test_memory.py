"""Free memory is that of the machine, or less where a control group has a limit."""

import pytest

from videomae2.data.workers.memory import find_free_bytes

GIB = 2**30
V1, V2 = "sys/fs/cgroup/memory", "sys/fs/cgroup"


def write_machine(root, cgroup, groups):
    """A machine with 8 GiB available; of each group its limit, what is used, what of it can go."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/meminfo").write_text("MemTotal: 16777216 kB\nMemAvailable: 8388608 kB\n")
    (root / "proc/self/cgroup").write_text(cgroup)
    for path, (limit, used, inactive) in groups.items():
        folder, is_v1 = root / path, path.startswith(V1)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ("memory.limit_in_bytes" if is_v1 else "memory.max")).write_text(f"{limit}\n")
        (folder / ("memory.usage_in_bytes" if is_v1 else "memory.current")).write_text(f"{used}\n")
        name = "total_inactive_file" if is_v1 else "inactive_file"
        (folder / "memory.stat").write_text(f"anon 1\n{name} {inactive}\n")
    return root


@pytest.mark.parametrize(
    ("cgroup", "groups", "expected"),
    [
        ("", {}, 8 * GIB),
        ("0::/\n", {}, 8 * GIB),
        ("0::/job\n", {f"{V2}/job": ("max", GIB, 0)}, 8 * GIB),
        ("0::/job\n", {f"{V2}/job": (4 * GIB, 3 * GIB, GIB)}, 2 * GIB),
        ("0::/a/b\n", {f"{V2}/a": (3 * GIB, GIB, 0), f"{V2}/a/b": ("max", GIB, 0)}, 2 * GIB),
        ("0::/outside\n", {V2: (3 * GIB, 2 * GIB, 0)}, GIB),
        ("0::/job\n", {f"{V2}/job": (64 * GIB, GIB, 0)}, 8 * GIB),
        ("0::/job\n", {f"{V2}/job": (GIB, 2 * GIB, 0)}, 0),
        ("3:cpu:/x\n2:memory:/x\n", {f"{V1}/x": (2 * GIB, GIB, 0)}, GIB),
        ("2:cpuset,memory:/docker/1\n", {V1: (5 * GIB, 4 * GIB, GIB)}, 2 * GIB),
        ("2:memory:/x\n", {f"{V1}/x": (9223372036854771712, GIB, 0)}, 8 * GIB),
    ],
)
def test_free_memory_heeds_every_limit(tmp_path, cgroup, groups, expected):
    assert find_free_bytes(write_machine(tmp_path, cgroup, groups)) == expected


def test_a_machine_that_says_nothing_has_half_of_its_memory_free(tmp_path):
    assert find_free_bytes(tmp_path) > 0
