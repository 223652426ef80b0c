"""RAF-DB (Li, Deng and Du, 2017), the basic part: faces from the web with one of seven emotions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from emonas.datasets.clips.flaws import file_flaw
from emonas.datasets.clips.sample import ReadResult, copies_note
from emonas.datasets.databases.folder_classes import refuse_class_folders
from emonas.datasets.reading.assemble import Key, find_clips, key
from emonas.datasets.reading.choices import AUTO, Choices
from emonas.datasets.reading.database import Database, same_named
from emonas.datasets.reading.entry import Entry
from emonas.datasets.reading.expected import Expected
from emonas.datasets.reading.layout import find_files, find_inside, not_as_distributed, root_of
from emonas.datasets.reading.tables import shorten
from emonas.errors import UserError

#: The owner's codes 1 to 7.
CLASSES = ("surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral")
#: Pictures of each class in each part: recounted from the owner's list; their sums are 12271 and 3068.
PUBLISHED = {"train": (1290, 281, 717, 4772, 1982, 705, 2524), "test": (329, 74, 160, 1185, 478, 162, 680)}

DATABASE = Database(
    name="rafdb",
    aliases=("raf-db", "raf"),
    title="faces from the web",
    full_name="RAF-DB, Real-world Affective Faces Database, basic emotions",
    kind="macro",
    owner="Pattern Recognition and Intelligent System Laboratory, BUPT",
    citation="Li, Deng, Du: Reliable Crowdsourcing and Deep Locality-Preserving Learning. CVPR 2017",
    request="whdeng.cn/RAF/model1.html: a mail from an academic address",
    source="the folder that holds basic, or basic itself",
    layout=(
        "basic/EmoLabel/list_patition_label.txt: a name and a label a line (the owner's spelling)",
        "basic/Image/aligned/train_00001_aligned.jpg: faces as the owner has cut them out, 100x100",
        "basic/Image/original/train_00001.jpg: whole pictures",
    ),
    class_sets=(same_named("7", "all labels", CLASSES),),
    options={
        "crop": {
            AUTO: "the owner's faces where they are present",
            "owner": "faces as the owner has cut them out",
            "full": "whole pictures",
        },
    },
    protocol="fixed",
    metric="accuracy; the owner's paper: mean of the recalls of all classes",
    size=100,
    reader="rafdb:read",
    expected=(
        Expected(
            sum(map(sum, PUBLISHED.values())),
            counts={label: sum(part[i] for part in PUBLISHED.values()) for i, label in enumerate(CLASSES)},
            parts={part: sum(counts) for part, counts in PUBLISHED.items()},
        ),
    ),
    pitfalls=(
        "the compound part has a list and pictures of the same names, but 11 classes, and is refused for them",
        "numbers have five digits in the training part and four in the test part",
        "there is no validation part: papers that choose an epoch on the test part report too much",
        "nobody is named, so the same person may stand in train and test",
        "copies with the folders train/1 to train/7 are not the owner's; the data set 'folder' reads them",
    ),
)
_FORMS = {
    "owner": ("aligned faces", "t*_aligned.jpg"),
    "full": ("whole pictures", "t*_*[0-9].jpg"),
}
_LISTS = ("list_patition_label.txt", "list_partition_label.txt")
_ALIGNED = "_aligned"


def read(source: Path, choices: Choices) -> ReadResult:
    """Read RAF-DB from its folder; ``choices`` are settled. Raises UserError when the source is not its basic part."""
    table, rows = _basic_list(source)
    # The compound part beside it has pictures of the same names, so only this part's folder is searched.
    part = table.parent.parent if table.parent.name.casefold() == "emolabel" else table.parent
    crop, root = root_of(part, "RAF-DB", _FORMS, choices.crop or AUTO)
    choices = replace(choices, crop=crop)
    found = find_clips(DATABASE, map(_entry, rows), _pictures(root, crop), choices, table=table.name)
    return replace(found, notes=(*found.notes, *copies_note(found.used)))


def _basic_list(source: Path) -> tuple[Path, list[tuple[int, str, str]]]:
    """The list whose labels are 1 to 7, and its rows: line, name, label."""
    tables = find_files(source, *_LISTS)
    if not tables:
        refuse_class_folders(source, "RAF-DB")
        raise not_as_distributed(source, "RAF-DB", f"the list of labels ({' or '.join(_LISTS)})")
    highest = 0
    for table in tables:
        rows = _rows(table)
        highest = max((int(label) for _, _, label in rows if label.isdecimal()), default=0)
        if highest <= len(CLASSES):
            return table, rows
    raise UserError(
        f"{tables[-1]}: labels up to {highest}, so this is RAF-DB's compound part; name the folder of its basic part, "
        f"whose labels are 1 to {len(CLASSES)}"
    )


def _rows(table: Path) -> list[tuple[int, str, str]]:
    if reason := file_flaw(table):
        raise UserError(f"{table}: {reason}")
    try:
        lines = [line.split() for line in table.read_text(encoding="utf-8-sig").splitlines()]
    except UnicodeDecodeError:
        raise UserError(f"{table}: not a text file") from None
    rows = [(at, words) for at, words in enumerate(lines, start=1) if words]
    for at, words in rows:
        if len(words) != 2 or not words[0].casefold().startswith(("train_", "test_")):
            raise UserError(
                f"{table}: not RAF-DB's list: line {at} is {shorten(' '.join(words))!r}, not a name such as "
                "train_00001.jpg and a label"
            )
    return [(at, name, label) for at, (name, label) in rows]


def _entry(row: tuple[int, str, str]) -> Entry:
    line, name, code = row
    known = code.isdecimal() and 1 <= int(code) <= len(CLASSES)
    label = CLASSES[int(code) - 1] if known else code
    part = name.casefold().partition("_")[0]
    return Entry(Path(), Path(name).stem, label, part=part, row=line)


def _pictures(root: Path, crop: str) -> dict[Key, Path]:
    """The pictures by the names that the list gives them, without what the owner appends to those of faces."""
    appended = len(_ALIGNED) if crop == "owner" else 0
    return {key(None, path.stem[: len(path.stem) - appended]): path for path in find_inside(root, _FORMS[crop][1])}
