"""The published weights: where they are, and how to tell that a file is them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Release:
    """A published file, and what has been published about it."""

    name: str
    url: str
    size: int | None  # bytes; None where only `mebibytes` is known
    sha256: str  # or its beginning
    md5: str = ""
    mebibytes: float = 0.0  # the size in units of 2**20 bytes, rounded to two places

    @property
    def facts(self):
        """Size and SHA-256 in words."""
        size = f"{self.size:,} bytes" if self.size else f"{self.mebibytes} MiB"
        whole = len(self.sha256) == 64
        return f"{size} and SHA-256 {self.sha256 if whole else self.sha256 + '…'}"

    def is_this(self, size, sha256):
        """Whether a file of this size and SHA-256 is the published one, as far as is known."""
        if not isinstance(size, int) or not isinstance(sha256, str):
            return False
        fits = size == self.size if self.size else round(size / 2**20, 2) == self.mebibytes
        return fits and sha256.startswith(self.sha256)


# Third parties gave the checksums of this one: the SHA-256 one of them, the MD5 three.
COCO_FILE = Release(
    name="mask_rcnn_coco.h5",
    url="https://github.com/matterport/Mask_RCNN/releases/download/v2.0/mask_rcnn_coco.h5",
    size=257_557_808,
    sha256="ee7eeb918fe544c8bc1fd0f1f9588bf9f8e0e1055a4d12a98f83fa83c5f8b36d",
    md5="e98aaff6f99e307b5e2a8a3ff741a518",
)

# torchvision's page of weights gives the sizes in mebibytes; the name of a file ends in the
# beginning of its SHA-256. No more has been published.
TORCHVISION_URL = "https://download.pytorch.org/models/"
TORCHVISION_1 = Release(
    name="maskrcnn_resnet50_fpn_coco-bf2d0c1e.pth",
    url=TORCHVISION_URL + "maskrcnn_resnet50_fpn_coco-bf2d0c1e.pth",
    size=None,
    sha256="bf2d0c1e",
    mebibytes=169.84,
)
TORCHVISION_2 = Release(
    name="maskrcnn_resnet50_fpn_v2_coco-73cbd019.pth",
    url=TORCHVISION_URL + "maskrcnn_resnet50_fpn_v2_coco-73cbd019.pth",
    size=None,
    sha256="73cbd019",
    mebibytes=177.22,
)
RELEASES = {"coco": COCO_FILE, "torchvision": TORCHVISION_1, "torchvision-v2": TORCHVISION_2}
