"""What a user may choose about the reading of a database, beside what becomes of its pictures. Light to import."""

# Without postponed annotations: cyclopts reads the types of inherited fields in the module of the class that inherits.
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace

from emonas.errors import UserError

#: A choice that the reader settles by what it finds.
AUTO = "auto"


@dataclass(frozen=True, kw_only=True)
class Choices:
    """Options of emonas-data check and prepare; a database takes those that it declares. None: its default."""

    classes: str | None = None
    """Which classes the labels become, by name. [default: the database's own, see emonas-data describe]"""
    variant: str | None = None
    """Which part, version or form of the database is read."""
    crop: str | None = None
    """owner = faces as the owner has cut them out; full = whole frames; auto = the owner's where they are present."""
    apex_policy: str | None = None
    """Where no apex is given: middle of onset and offset; max-diff = the frame that differs most; drop the sample."""
    frames: str | None = None
    """Which frames of a sequence are taken as pictures, for databases of still expressions."""

    def given(self) -> dict[str, str]:
        """The choices that are made, by name; what prepared.json records."""
        return {name: value for name, value in asdict(self).items() if value is not None}


NO_CHOICES = Choices()


def option_name(name: str) -> str:
    """A choice's name as it is typed: apex_policy is --apex-policy."""
    return "--" + name.replace("_", "-")


def complete_choices(database: str, accepted: Mapping[str, Mapping[str, str]], choices: Choices) -> Choices:
    """The choices with a database's defaults filled in.

    ``accepted`` names for each of its options the values (the first is the default) and what they mean. Raises
    UserError for an option that the database does not have, and for a value that the option does not take.
    """
    for name, value in choices.given().items():
        if name not in accepted:
            takes = ", ".join(map(option_name, accepted)) or "no such option at all"
            raise UserError(f"{database} has no option {option_name(name)}; it takes {takes}")
        if value not in accepted[name]:
            raise UserError(f"{option_name(name)} {value}: {database} knows {', '.join(accepted[name])}")
    defaults = {name: next(iter(values)) for name, values in accepted.items()}
    assert defaults.keys() <= {field.name for field in fields(Choices)}
    return replace(choices, **{**defaults, **choices.given()})
