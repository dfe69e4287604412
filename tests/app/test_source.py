import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassformer.app.book.source import PageError, split

PAGE = """# Title

Prose with {eval}`1 + 1` in it.

```python
a = 1
```

## 3.2 A section

- a list

  ```python
  not_a_cell
  ```

> ```python
> nor_this
> ```

```python hide-input varies
b = 2

c = 3
```

```python static
shown()
```

````{note}
```python
inside_a_directive
```
````

<details><summary>Open</summary>

```python check
assert c == 3
```

</details>
"""


def test_only_top_level_fences_are_cells():
    pieces = split(PAGE, "page")
    assert [(p.id, p.source, p.options) for p in pieces if p.is_cell] == [
        ("0-1", "a = 1", ()),
        ("3.2-1", "b = 2\n\nc = 3", ("hide-input", "varies")),
        ("3.2-2", "assert c == 3", ("check",)),
    ]


def test_lines_are_exact():
    lines = PAGE.splitlines()
    for piece in split(PAGE, "page"):
        assert lines[piece.line - 1] == piece.source.splitlines()[0]


def test_evals_are_found_in_prose_only():
    pieces = split(PAGE, "page")
    assert [p.evals for p in pieces if p.evals] == [["1 + 1"]]


def test_ids_do_not_depend_on_other_sections():
    longer = PAGE.replace("## 3.2", "```python\nmore = 0\n```\n\n## 3.2")
    ids = [p.id for p in split(longer, "page") if p.is_cell]
    assert ids == ["0-1", "0-2", "3.2-1", "3.2-2"]


def test_digest_follows_the_code():
    one, two = (split(f"```python\n{code}\n```\n", "p")[0].digest for code in ("a = 1", "a = 2"))
    assert one != two and len(one) == 12


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x\n\n```python hide-imput\n1\n```", r"p\.md:3: unknown cell option 'hide-imput'\. Did you mean 'hide-input'"),
        ("```python qqq\n1\n```", r"p\.md:1: unknown cell option 'qqq'\. The options are"),
        ("```python needs=smollm\n1\n```", r"p\.md:1: a cell may need one of smollm2, .*, not 'smollm'"),
        ("```python\n\n```", r"p\.md:1: a cell must hold code"),
    ],
)
def test_bad_pages(text, message):
    with pytest.raises(PageError, match=message):
        split(text, "p")


@given(
    st.lists(
        st.sampled_from(["# H", "## 2. Two", "text", "", "```python\nx = 1\n```", "> quote", "- item"]), max_size=12
    )
)
def test_nothing_is_lost(blocks):
    text = "\n\n".join(blocks)
    pieces = split(text, "p")
    kept = [line for p in pieces for line in p.source.splitlines() if line.strip()]
    assert kept == [line for line in text.splitlines() if line.strip() and not line.startswith("```")]
    ids = [p.id for p in pieces if p.is_cell]
    assert len(ids) == blocks.count("```python\nx = 1\n```")
