"""Small Parquet files of three independent writers, with the values that are in them.

    pip install pyarrow fastparquet polars
    python testdata/parquet/make_tables.py

Numbers that no float holds, missing cells, texts and every encoding and compression that these writers choose by themselves or
when asked. `expected.json` lists what every cell is, as the text that a CSV reader would see; empty where it is missing.
"""

import json
import math
from pathlib import Path

import fastparquet
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).parent
N = 40


def columns():
    """Name -> cells: one column of each kind that a table has."""
    return {
        "f8": [math.sin(i) * 10.0 ** (i % 7 - 3) for i in range(N)],
        "f4": [float(i) / 8 - 2 for i in range(N)],
        "i4": [i * i - 300 for i in range(N)],
        "i8": [(-1) ** i * 2**40 + i for i in range(N)],
        "flag": [i % 3 == 0 for i in range(N)],
        "kind": [["oak", "elm", "ash tree"][i % 3] for i in range(N)],
        "gap": [None if i % 5 == 2 else i / 4 for i in range(N)],
    }


def arrow():
    types = {"f8": pa.float64(), "f4": pa.float32(), "i4": pa.int32(), "i8": pa.int64(), "flag": pa.bool_()}
    types |= {"kind": pa.string(), "gap": pa.float64()}
    return pa.table({name: pa.array(cells, types[name]) for name, cells in columns().items()})


def write(name, table=None, **options):
    pq.write_table(arrow() if table is None else table, HERE / f"{name}.parquet", **options)


def main():
    write("plain", use_dictionary=False, compression="none")
    write("snappy")
    write("gzip", compression="gzip")
    write("zstd", compression="zstd")
    write("version2", data_page_version="2.0", compression="snappy")
    write("groups", row_group_size=13, data_page_size=64, write_batch_size=5)
    # Bytes of floats split over streams, differences of integers: encodings that are asked for.
    split = {"f8": "BYTE_STREAM_SPLIT", "f4": "BYTE_STREAM_SPLIT", "gap": "BYTE_STREAM_SPLIT"}
    split |= {"i4": "DELTA_BINARY_PACKED", "i8": "DELTA_BINARY_PACKED"}
    split |= {"kind": "DELTA_BYTE_ARRAY", "flag": "RLE"}
    write("encodings", use_dictionary=False, column_encoding=split, data_page_version="2.0", compression="none")
    narrow = pa.table({
        "i1": pa.array([i - 20 for i in range(N)], pa.int8()),
        "u2": pa.array([i * 1000 for i in range(N)], pa.uint16()),
        "u4": pa.array([2**32 - 1 - i for i in range(N)], pa.uint32()),
        "u8": pa.array([2**64 - 2048 * (i + 1) for i in range(N)], pa.uint64()),
        "nan": pa.array([math.nan if i == 7 else float(i) for i in range(N)], pa.float64()),
        "none": pa.array([None] * N, pa.float64()),
    })
    write("narrow", narrow)
    nested = pa.table({"x": pa.array([1.0, 2.0]), "list": pa.array([[1.0], [2.0, 3.0]])})
    write("nested", nested)
    frame = pd.DataFrame({name: cells for name, cells in columns().items()})
    fastparquet.write(str(HERE / "fastparquet.parquet"), frame, compression="SNAPPY")
    pl.DataFrame(columns()).write_parquet(HERE / "polars.parquet")

    def text(cell):
        return "" if cell is None or (isinstance(cell, float) and math.isnan(cell)) else str(cell)

    whole = {name: [text(cell) for cell in cells] for name, cells in columns().items()}
    of_narrow = {name: [text(cell) for cell in narrow[name].to_pylist()] for name in narrow.column_names}
    (HERE / "expected.json").write_text(json.dumps({"columns": whole, "narrow": of_narrow}, indent=1) + "\n")


if __name__ == "__main__":
    main()
