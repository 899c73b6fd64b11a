"""How much memory is free: of the machine, and within the limits of control groups (containers)."""

import os
from pathlib import Path

_KINDS = {
    "v2": ("sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"),
    "v1": (
        "sys/fs/cgroup/memory",
        "memory.limit_in_bytes",
        "memory.usage_in_bytes",
        "total_inactive_file",
    ),
}
"""Of each kind of control group: its tree, its limit, what is used, and what of that can go."""


def find_free_bytes(root: Path = Path("/")) -> int:
    """Memory that can be taken without swapping, what caches of files would give back included.

    Half of the memory where the system does not say what is free. ``root`` is where /proc and
    /sys lie.
    """
    try:
        lines = (root / "proc/meminfo").read_text().splitlines()
        (kibibytes,) = (line.split()[1] for line in lines if line.startswith("MemAvailable:"))
        free_bytes = int(kibibytes) * 1024
    except (OSError, ValueError, IndexError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    return max(0, min([free_bytes, *_list_group_bytes(root)]))


def _list_group_bytes(root: Path) -> list[int]:
    """What is left in each control group that this process is in and that has a limit."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        kind = "v1" if "memory" in controllers.split(",") else "v2"
        if kind == "v1" or not controllers:
            tree = root / _KINDS[kind][0]
            folder = tree / path.strip("/")
            # in a container the path may be that outside, and the tree begins with our own group
            groups = [folder, *folder.parents] if folder.is_dir() else [tree]
            found += [_read_group(group, kind) for group in groups if group.is_relative_to(tree)]
    return [left for left in found if left is not None]


def _read_group(group: Path, kind: str) -> int | None:
    """What is left below the limit of a control group; None if it has none."""
    _, limit_name, used_name, reclaimable_name = _KINDS[kind]
    try:
        limit = int((group / limit_name).read_text())  # "max" is no number
        used = int((group / used_name).read_text())
        rows = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        return limit - used + int(rows.get(reclaimable_name, 0))
    except (OSError, ValueError):
        return None
