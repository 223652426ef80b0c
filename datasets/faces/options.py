"""What a user may choose about faces. Light to import."""

# Without postponed annotations: cyclopts reads the types of inherited fields in the module of the class that inherits.
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from emonas.errors import UserError
from emonas.files import why_not_a_file

Faces = Literal["auto", "detect", "whole"]


@dataclass(frozen=True, kw_only=True)
class FaceOptions:
    """Options of emonas-data prepare."""

    faces: Faces = "auto"
    """detect = cut faces out, found in a clip's onset frame; whole = as they are; auto = detect after --crop full."""
    face_model: Path | None = None
    """A YuNet model (face_detection_yunet_*.onnx) that finds the faces. [default: the detector that emonas brings]"""


DEFAULTS = FaceOptions()


def record_options(options: FaceOptions) -> dict[str, str]:
    """The options as prepared.json has them: a model by its content, so that it may be moved. Raises UserError."""
    if options.face_model is None:
        return {"faces": options.faces, "face_model": ""}
    if reason := why_not_a_file(options.face_model):
        raise UserError(f"--face-model {options.face_model}: {reason}")
    try:
        content = options.face_model.read_bytes()
    except OSError as error:
        raise UserError(f"--face-model {options.face_model}: {error.strerror}") from None
    return {"faces": options.faces, "face_model": f"sha256:{hashlib.sha256(content).hexdigest()[:16]}"}


def resolve_faces(faces: Faces, crop: str | None) -> Faces:
    """What "auto" means for a database that was read with this ``crop``."""
    if faces != "auto":
        return faces
    return "detect" if crop == "full" else "whole"
