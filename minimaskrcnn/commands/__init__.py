"""The subcommands: a module each, with `add_parser(subparsers)` and `run(args) -> int`.

`add_parser` ends with `parser.set_defaults(run=run)`. Whatever is slow to import (NumPy, Numba,
h5py, matplotlib, Pillow, the stages) is imported inside `run`. Exit statuses: see `cli`.
"""
