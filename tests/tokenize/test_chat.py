"""Chat templates: the text they give, and what a malicious one is not able to do."""

import json
import os
import pickle
import subprocess
import threading
import time
from pathlib import Path

import pytest

from glassformer.tokenize import ChatTemplate, TemplateError, chat
from glassformer.tokenize.chat import LENGTH, WRITTEN

HI = [{"role": "user", "content": "Hi é <b>"}]
CHATML = """
{%- for message in messages %}
    {{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}
"""


def test_a_conversation_is_written_as_the_template_says() -> None:
    template = ChatTemplate(CHATML)
    text = "<|im_start|>user\nHi é <b><|im_end|>\n"
    assert template(HI) == text + "<|im_start|>assistant\n"
    assert template(HI, add_generation_prompt=False) == text
    assert template([], add_generation_prompt=False) == ""


def test_what_published_templates_use() -> None:
    source = (
        "{{ bos_token }}{% for m in messages %}{% if loop.index > 1 %}{% break %}{% endif %}"
        "{% generation %}{{ m | tojson }}{% endgeneration %}{% endfor %}{{ strftime_now('%Y') | length }}{{ tools }}"
    )
    text = ChatTemplate(source, {"bos_token": "<s>"})(HI * 2)
    assert text == "<s>" + json.dumps(HI[0], ensure_ascii=False) + "4"


def test_the_reference_gives_the_same_text() -> None:
    transformers = pytest.importorskip("transformers", reason="needs transformers; to enable: pip install transformers")
    from tokenizers import Tokenizer, models

    reference = transformers.PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.BPE()),
        bos_token="<s>",
        chat_template="{{ bos_token }}\n  {% if 1 %}\n" + CHATML + "{% endif %}",
    )
    ours = ChatTemplate(reference.chat_template, {"bos_token": "<s>"})
    for prompt in (False, True):
        expected = reference.apply_chat_template(HI, tokenize=False, add_generation_prompt=prompt)
        assert ours(HI, add_generation_prompt=prompt) == expected


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("{{ ''.__class__.__mro__[1].__subclasses__() }}", "the sandbox forbids"),
        ("{{ cycler.__init__.__globals__.os.system('true') }}", "the sandbox forbids"),
        ("{{ '{0.__class__.__mro__}'.format(messages).x }}", "failed|forbids"),
        ("{% set _ = messages.append(1) %}", "the sandbox forbids"),
        ("{% include '/etc/passwd' %}", "failed"),
        ("{% import 'os' as os %}", "failed"),
        ("{{ open('/etc/passwd').read() }}", "'open' is undefined"),
        ("{% if %}", "failed: Expected an expression"),
        ("{{ messages[7].content.x }}", "failed"),
        ("{{ raise_exception('roles must alternate') }}", "refuses these messages: roles must alternate"),
        ("{% for a in range(99999999) %}{% endfor %}", "failed"),
        (f"{{{{ 'x' * {WRITTEN + 1} }}}}", f"more than {WRITTEN} characters"),
    ],
)
def test_what_a_template_must_not_do(source: str, says: str) -> None:
    with pytest.raises(TemplateError, match=says):
        ChatTemplate(source)(HI)


@pytest.mark.skipif(os.name != "posix", reason="needs limits on memory; to enable: run on Linux or macOS")
@pytest.mark.parametrize(
    "source",
    [
        "{{ 'a' * 10 ** 10 }}",
        "{{ '%09999999999d' % 1 }}",
        "{% set n = namespace(x='ab') %}{% for i in range(60) %}{% set n.x = n.x ~ n.x %}{% endfor %}",
    ],
)
def test_memory_is_limited(source: str) -> None:
    with pytest.raises(TemplateError, match=r"too much memory|failed"):
        ChatTemplate(source)(HI)


@pytest.mark.parametrize(
    "source",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{{ 3 ** (messages | length * 10 ** 8) }}",  # one operation, which nothing inside Python could interrupt
    ],
)
def test_time_is_limited_and_the_next_conversation_works(source: str) -> None:
    template = ChatTemplate("{% if messages | length > 1 %}" + source + "{% endif %}fine", seconds=0.5)
    began = time.monotonic()
    with pytest.raises(TemplateError, match=r"more than 0.5 seconds"):
        template(HI * 2)
    assert time.monotonic() - began < 30  # Python starts within it; without the limit it would be hours
    assert template(HI) == "fine"


def test_a_template_does_not_see_this_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "hush")
    template = ChatTemplate("x")
    assert template(HI) == "x"
    assert template._child is not None
    assert template._child.pid != os.getpid()
    environment = Path(f"/proc/{template._child.pid}/environ")
    if environment.exists():
        assert b"hush" not in environment.read_bytes()


def test_the_process_stays_for_the_next_conversation_and_ends_with_the_template() -> None:
    template = ChatTemplate("{{ messages[0].content }}")
    template(HI)
    child = template._child
    assert child is not None
    template(HI)
    assert template._child is child
    del template
    assert child.poll() is not None


def test_a_process_that_was_ended_is_started_again() -> None:
    template = ChatTemplate("x")
    template(HI)
    assert template._child is not None
    template._child.kill()
    template._child.wait()
    assert template(HI) == "x"


def test_an_interrupted_call_leaves_nothing_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    template = ChatTemplate("{{ messages[0].content }}")
    template(HI)
    child = template._child
    assert child is not None
    exchange = chat._exchange

    def interrupted(child: subprocess.Popen[str], line: str, seconds: float) -> str:
        exchange(child, line, seconds)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(chat, "_exchange", interrupted)
        template(HI)
    assert child.poll() is not None
    assert template(HI) == HI[0]["content"]


def test_a_copy_works() -> None:
    template = ChatTemplate("{{ bos_token }}", {"bos_token": "<s>"}, 7.0)
    template(HI)
    copy = pickle.loads(pickle.dumps(template))
    assert (copy(HI), copy.seconds) == ("<s>", 7.0)


def test_threads_do_not_get_each_others_text() -> None:
    template = ChatTemplate("{{ messages[0].content }}")
    got: dict[str, str] = {}

    def ask(name: str) -> None:
        for number in range(20):
            got[f"{name}{number}"] = template([{"role": "user", "content": f"{name}{number}"}])

    threads = [threading.Thread(target=ask, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 40
    assert all(text == asked for asked, text in got.items())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork; to enable: run on Linux or macOS")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_starts_a_process_of_its_own() -> None:
    template = ChatTemplate("{{ messages[0].content }}")
    template(HI)
    assert template._child is not None
    before = template._child.pid
    reading, writing = os.pipe()
    if (pid := os.fork()) == 0:
        text = template([{"role": "user", "content": "child"}])
        os.write(writing, f"{text} {template._child.pid != before}".encode())
        os._exit(0)
    os.waitpid(pid, 0)
    assert os.read(reading, 99) == b"child True"
    assert template(HI) == HI[0]["content"]


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(TemplateError, match="1 to 131072 characters, not 0"):
        ChatTemplate("")
    with pytest.raises(TemplateError, match=f"not {LENGTH + 1}"):
        ChatTemplate("x" * (LENGTH + 1))
    with pytest.raises(ValueError, match=r"number 1 is \{'content': 'x'\}"):
        ChatTemplate("x")([HI[0], {"content": "x"}])
