"""All features of a folder in one file: safetensors, zarr or Parquet, video after video."""

import json
import shutil
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from videomae2.base.files import atomic_write, build_partial_path
from videomae2.commands.extract.config import FileFormat
from videomae2.errors import ConfigError
from videomae2.inference.features.store import FeatureStore

_LIBRARIES: dict[FileFormat, tuple[str, str]] = {
    "zarr": ("zarr", "zarr"),
    "parquet": ("pyarrow.parquet", "tables"),
}
_SAFETENSORS_DTYPES = {"float32": "F32", "float16": "F16"}


def check_format(file_format: FileFormat) -> None:
    """Refuse a file whose library is missing, before hours of work.

    Raises:
        ConfigError: Says how to install it.
    """
    if file_format not in _LIBRARIES:
        return
    module, extra = _LIBRARIES[file_format]
    try:
        import_module(module)
    except ImportError as error:
        raise ConfigError(
            f"--format {file_format} needs {module.split('.')[0]}; install it with: "
            f"pip install 'videomae2[{extra}]'"
        ) from error


def write_one_file(store: FeatureStore, names: Sequence[str], file_format: FileFormat) -> Path:
    """Write the features of some videos, one of them in memory at a time; atomically.

    safetensors: a tensor a video, with ``provenance`` and ``table`` as JSON in its metadata. zarr:
    a group, with an array a video and its line of the table as attributes. Parquet: a row a window.
    """
    path = store.folder / f"features.{file_format}"
    if file_format == "zarr":
        partial = build_partial_path(path)
        try:
            _write_zarr(store, names, partial)
            shutil.rmtree(path, ignore_errors=True)
            partial.rename(path)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        return path
    with atomic_write(path) as partial:
        if file_format == "safetensors":
            _write_safetensors(store, names, partial)
        else:
            _write_parquet(store, names, partial)
    return path


def _write_safetensors(store: FeatureStore, names: Sequence[str], path: Path) -> None:
    """The format's own layout: the length of the header, the header, the numbers."""
    rows = [store.rows[name] for name in names]
    header: dict[str, Any] = {
        "__metadata__": {
            "provenance": json.dumps(store.settings),
            "table": json.dumps([row.to_json() for row in rows]),
        }
    }
    offset = 0
    for row in rows:
        dtype = np.dtype(row.dtype)
        end = offset + int(np.prod(row.shape, dtype=np.int64)) * dtype.itemsize
        header[row.video] = {
            "dtype": _SAFETENSORS_DTYPES[dtype.name],
            "shape": row.shape,
            "data_offsets": [offset, end],
        }
        offset = end
    content = json.dumps(header).encode()
    content += b" " * (-len(content) % 8)
    with path.open("wb") as file:
        file.write(len(content).to_bytes(8, "little") + content)
        for name in names:
            file.write(np.ascontiguousarray(store.load(name, in_memory=False)).data)


def _write_zarr(store: FeatureStore, names: Sequence[str], path: Path) -> None:
    import zarr

    group = zarr.open_group(path, mode="w")
    group.attrs.update(store.settings)
    for name in names:
        array = store.load(name)
        written = group.create_array(name, shape=array.shape, dtype=array.dtype)
        written[:] = array
        written.attrs.update(store.rows[name].to_json())


def _write_parquet(store: FeatureStore, names: Sequence[str], path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    widths = {int(np.prod(store.rows[name].shape[1:])) for name in names}
    number = pa.from_numpy_dtype(np.dtype(store.rows[names[0]].dtype)) if names else pa.float32()
    schema = pa.schema(
        [
            ("video", pa.string()),
            ("window", pa.int32()),
            ("start", pa.float64()),
            ("stop", pa.float64()),
            ("features", pa.list_(number, widths.pop() if widths else 1)),
        ],
        metadata={"provenance": json.dumps(store.settings)},
    )
    with pq.ParquetWriter(path, schema) as writer:
        for name in names:
            array, times = store.load(name), store.rows[name].times
            count, absent = len(array), [None] * len(array)
            flat = pa.array(array.reshape(-1), type=number)
            features = pa.FixedSizeListArray.from_arrays(flat, array[0].size)
            columns = [
                pa.array([name] * count),
                pa.array(np.arange(count, dtype=np.int32)),
                pa.array(times.starts or absent, type=pa.float64()),
                pa.array(times.stops or absent, type=pa.float64()),
                features,
            ]
            writer.write_table(pa.table(columns, schema=schema))
