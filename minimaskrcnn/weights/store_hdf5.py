"""Our own model in HDF5: a group for each layer, so that any HDF5 viewer shows what it is.

Shapes  /backbone/stages/0/1/reduce, a group with the arrays `kernel` and `bias` and the attributes
        `stride` and `padding`; what the file says of itself in the root's attributes
Notes   h5py only writes: our reader (`hdf5`) knows the simple form that is written here.
"""

import io

import numpy as np

from minimaskrcnn.errors import WeightsError
from minimaskrcnn.weights.hdf5 import Group, arrays_within, read_array


def hdf5_bytes(about, settings, arrays):
    """Return the content of a file, as pieces of bytes.

    Parameters
    ----------
    about : dict from name to str or int
    settings : dict from name to int or (int, int)
    arrays : dict from name to array
    """
    import h5py  # only to write: a quarter of a second that reading does not need

    image = io.BytesIO()  # in memory: the HDF5 library can crash when a disk fills up under it
    with h5py.File(image, "w", libver="earliest") as file:
        for name, array in arrays.items():
            file.create_dataset(name.replace(".", "/"), data=array, track_times=False)
        for name, value in settings.items():
            group, _, last = name.rpartition(".")
            file[group.replace(".", "/")].attrs[last] = np.array(value, np.int64)
        for name, value in about.items():
            file.attrs[name] = np.bytes_(value.encode()) if isinstance(value, str) else value
    return [image.getbuffer()]


def hdf5_parts(file, root):
    """Return what `hdf5_bytes` was given, of an open file.

    Returns
    -------
    about : the root's attributes
    settings : dict from name to value, not judged yet
    arrays : dict from name to Array
    read : function from an Array to its numbers
    """
    arrays = {name.replace("/", "."): array for name, array in arrays_within(root).items()}
    return root.attributes, _settings(file, root), arrays, lambda array: read_array(file, array)


def _settings(file, group, prefix=""):
    """The attributes of the groups: {"backbone.stem.stride": 2, …}."""
    settings = {}
    for name, value in group.attributes.items() if prefix else ():
        if not isinstance(value, np.ndarray):
            raise WeightsError(
                f"{file.path}: {prefix}{name} is not a number, as a layer's settings are"
            )
        settings[prefix + name] = value.tolist()
    for name, member in group.members.items():
        if isinstance(member, Group):
            settings.update(_settings(file, member, f"{prefix}{name}."))
    return settings
