"""Our own model in safetensors: the arrays by their names, everything else in the metadata.

Shapes  "backbone.stages.0.1.reduce.kernel", an array; in the metadata the texts `format`, `config`
        (JSON), `settings` (JSON: strides and paddings), …
Notes   Any viewer of safetensors shows the names and shapes (Netron, for instance).
"""

import json

from minimaskrcnn.weights.configs import json_object
from minimaskrcnn.weights.safetensors import read_part, safetensors_bytes


def own_safetensors_bytes(about, settings, arrays):
    """Yield the content of a file, in pieces of bytes; parameters as of `store_hdf5.hdf5_bytes`."""
    metadata = {name: str(value) for name, value in about.items()}
    yield from safetensors_bytes(arrays, metadata | {"settings": json.dumps(settings)})


def safetensors_parts(file, metadata, parts):
    """Return what `own_safetensors_bytes` was given, as `store_hdf5.hdf5_parts` does.

    Parameters
    ----------
    file : open File
    metadata, parts : as `safetensors.read_header` returns them
    """
    settings = json_object(file.path, metadata.get("settings", ""))
    return metadata, settings, parts, lambda part: read_part(file, part)
