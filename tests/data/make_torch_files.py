"""Small weight files by PyTorch and by safetensors themselves, and the arrays that are in them.

    python make_torch_files.py            # torch 2.14.1, safetensors 0.8.0, numpy

Writes `torch_files/`: the same few tensors in every form in which people have them, and a few that
are refused. `torch_files/expected.npz` has each file's arrays, as torch itself reads them.
"""

import argparse
import collections
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

FOLDER = Path(__file__).parent / "torch_files"


def layers():
    """A convolution, its normalisation (which counts batches) and a dense layer."""
    torch.manual_seed(5)
    named = [
        ("conv", torch.nn.Conv2d(3, 4, 3, bias=False)),
        ("bn", torch.nn.BatchNorm2d(4)),
        ("fc", torch.nn.Linear(4, 2)),
    ]
    return torch.nn.Sequential(collections.OrderedDict(named))


def checkpoint(model):
    """What a training script keeps, torchvision's own among them."""
    wrapped = torch.nn.DataParallel(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    x = torch.randn(2, 3, 3, 3)
    model.fc(model.bn(model.conv(x)).flatten(1)).sum().backward()
    optimizer.step()
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [3, 5])
    about = argparse.Namespace(lr=0.1, device=torch.device("cpu"), out=Path("out"), sizes=[1, 2])
    return {
        "epoch": 3,
        "optimizer": optimizer.state_dict(),
        "lr_scheduler": schedule.state_dict(),
        "args": about,
        "best": np.float64(0.5),
        "history": np.arange(3),
        "losses": collections.defaultdict(list, {"total": [0.5, 0.25]}),
        "seen": {1, 2},
        "size": torch.Size([1, 2]),
        "dtype": torch.float32,
        "model": wrapped.state_dict(),
    }


def views():
    """Weights that share a storage, transposed ones, slices, a single number."""
    table = torch.arange(24, dtype=torch.float32).reshape(4, 6)
    return {
        "whole": table,
        "again": table,
        "transposed": table.t(),
        "rows": table[1:3],
        "column": table[:, 2],
        "permuted": torch.arange(24.0).reshape(2, 3, 4).permute(2, 0, 1),
        "single": torch.tensor(3.5),
    }


def write(expected):
    """All files; fills `expected`."""
    model = layers()
    bare = model.state_dict()
    halves = {name: part for name, part in bare.items() if part.dtype == torch.float32}
    whole = checkpoint(layers())
    forms = {
        "bare": bare,
        "checkpoint": whole,
        "state_dict": {"state_dict": {f"module.{n}": p for n, p in bare.items()}, "epoch": 1},
        "model_state_dict": {"model_state_dict": bare, "loss": 0.5},
        "float16": {name: part.half() for name, part in halves.items()},
        "bfloat16": {name: part.bfloat16() for name, part in halves.items()},
        "float64": {name: part.double() / 3 for name, part in halves.items()},
        "parameters": dict(model.named_parameters()),
        "views": views(),
    }
    for name, form in forms.items():
        torch.save(form, FOLDER / f"{name}.pth")
        torch.save(form, FOLDER / f"{name}_older.pth", _use_new_zipfile_serialization=False)
        parts = form.get("model") or form.get("state_dict") or form.get("model_state_dict") or form
        for key, part in parts.items():
            if part.is_floating_point():
                key = key.removeprefix("module.")
                expected[f"{name}/{key}"] = part.detach().float().contiguous().numpy()
    torch.save(bare, FOLDER / "protocol4.pth", pickle_protocol=4)
    for name in ("bare", "float16", "bfloat16", "float64"):
        save_file(forms[name], FOLDER / f"{name}.safetensors", metadata={"format": "pt"})

    refused = {
        "model": model,
        "expanded": {"weight": torch.ones(1).expand(1000, 1000)},
        "sparse": {"weight": torch.eye(3).to_sparse()},
        "float8": {"weight": torch.ones(3).to(torch.float8_e4m3fn)},
        "complex": {"weight": torch.ones(3, dtype=torch.complex64)},
        "nan": {"weight": torch.tensor([1.0, float("nan")])},
        "single_tensor": torch.ones(3),
        "a_list": [torch.ones(3)],
        "empty": {"weight": torch.ones(0, 3)},
        "numbers": {"epoch": 3, "loss": 0.5},
    }
    for name, form in refused.items():
        torch.save(form, FOLDER / f"refused_{name}.pth")
    save_file(refused["float8"], FOLDER / "refused_float8.safetensors")
    torch.jit.save(
        torch.jit.trace(torch.nn.Linear(2, 2), torch.ones(1, 2)), FOLDER / "refused_script.pt"
    )


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    arrays = {}
    write(arrays)
    np.savez_compressed(FOLDER / "expected.npz", **arrays)
