"""Make a source distribution the same whenever and wherever it is built: `repack.py X.tar.gz`.

setuptools writes into it who built it and when. Here the files are packed again in the order of
their names, with the date of SOURCE_DATE_EPOCH and nobody's name. (Wheels keep to that variable by
themselves.)
"""

import gzip
import io
import os
import sys
import tarfile


def repack(path, date):
    """Write the archive anew, every file of this date."""
    packed = io.BytesIO()
    with tarfile.open(path) as old, tarfile.open(fileobj=packed, mode="w") as new:
        for member in sorted(old.getmembers(), key=lambda member: member.name):
            member.mtime, member.pax_headers = date, {}
            member.uid = member.gid = 0
            member.uname = member.gname = ""
            member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            new.addfile(member, old.extractfile(member) if member.isfile() else None)
    with open(path, "wb") as file:
        file.write(gzip.compress(packed.getvalue(), mtime=date))


if __name__ == "__main__":
    for name in sys.argv[1:]:
        repack(name, int(os.environ["SOURCE_DATE_EPOCH"]))
