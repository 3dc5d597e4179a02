"""The published weights: where they are, and how to tell that a file is them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Release:
    """A published file. Of its checksums, third parties gave: the SHA-256 one, the MD5 three."""

    name: str
    url: str
    size: int  # bytes
    sha256: str
    md5: str


COCO_FILE = Release(
    name="mask_rcnn_coco.h5",
    url="https://github.com/matterport/Mask_RCNN/releases/download/v2.0/mask_rcnn_coco.h5",
    size=257_557_808,
    sha256="ee7eeb918fe544c8bc1fd0f1f9588bf9f8e0e1055a4d12a98f83fa83c5f8b36d",
    md5="e98aaff6f99e307b5e2a8a3ff741a518",
)
