"""What a user may choose about the pictures that are made of samples. Light to import."""

# Without postponed annotations: cyclopts reads the types of inherited fields in the module of the class that inherits.
from dataclasses import dataclass

from emonas.options.types import Bits, Coefficients, FlowMethod, Gain, Interpolation, Length, Representation, Side, Span


@dataclass(frozen=True, kw_only=True)
class PictureConfig:
    """Options of emonas-data prepare about pictures; `PictureOptions` has none of them open."""

    size: Side | None = None
    """Side of the prepared pictures in pixels. [default: the data set's own, see emonas-data list; for pictures of your
    own that of the sources, at most 112]"""
    bits: Bits = 0
    """Bits that are used in files of 16 bits, as cameras of 10 or 12 bits write them; 0 = the fewest that hold the data
    set's largest level."""
    representation: Representation = "auto"
    """What becomes of a clip: one dynamic image, or two (onset to apex to offset); flow = motion right, motion down and
    strain between onset and apex; its apex frame; or a clip of --length frames. auto = dynamic for clips, still for
    stills."""
    coefficients: Coefficients = "exact"
    """Coefficients of the rank pooling."""
    span: Span = "onset-apex"
    """Which frames a dynamic image pools. Over the whole clip, rise and fall of an expression partly cancel."""
    flow: FlowMethod = "farneback"
    """Method of the optical flow; tvl1 is the field's habit and takes 10 to 20 times as long."""
    interpolation: Interpolation = "none"
    """Resample what is pooled, or the clip, to --length frames; graph = temporal interpolation model (TIM)."""
    length: Length = 10
    """Frames of a clip and of a temporal interpolation."""
    magnify: Gain = 0.0
    """Gain of an Eulerian motion magnification that comes before everything else; 10 to 20 are common. 0 = none."""
