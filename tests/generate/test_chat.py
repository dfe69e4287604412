"""A conversation with a memory says what one without says, and reads only what is new."""

from collections.abc import Mapping, Sequence

import pytest
import torch
from torch import Tensor

from glassformer.generate.chat import Chat
from glassformer.generate.sampling import Sampling
from glassformer.generate.text import stream
from tests.generate.test_text import Pieces
from tests.generate.tiny import KINDS, make

ROLES = {"system": "S", "user": "U", "assistant": "A"}
VARIED = Sampling(temperature=0, repetition_penalty=1.2)


class Template(Pieces):
    """``Uhello.Ahi.`` and so on. "ab" has a token of its own, which is not what ``encode`` makes of it."""

    def __init__(self) -> None:
        super().__init__([bytes([c]) for c in b"SUA.abcdefg"] + [b"ab", b"cde"], eos=3)

    def encode(self, text: str, add_special: bool = True) -> list[int]:
        assert not add_special  # the template brings its own
        return super().encode(text)

    def chat(self, messages: Sequence[Mapping[str, str]]) -> str:
        return "".join(f"{ROLES[each['role']]}{each['content']}." for each in messages) + "A"


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("t5", "bart", "encoder-decoder")])
def test_it_says_what_it_would_say_without_a_memory(kind: str) -> None:
    model, tokenizer, read = make(kind), Template(), []
    chat = Chat(model, tokenizer, system="g", room=61)
    messages = [{"role": "system", "content": "g"}]
    whole = 0
    model.embed.register_forward_hook(lambda module, inputs, output: read.append(inputs[0].shape[1]))
    for text in ("abc", "d", "fed"):
        read.clear()
        said = "".join(chat.say(text, 6))
        told = sum(read)
        messages.append({"role": "user", "content": text})
        ids = tokenizer.encode(tokenizer.chat(messages), add_special=False)
        assert said == "".join(stream(model, tokenizer, ids, max_new=6))
        messages.append({"role": "assistant", "content": said})
        assert chat.messages == messages
        assert chat.statistics.prompt_tokens <= len(ids) - whole
        # What is read anew: the new words, and what an SSM has to read again after it went back.
        assert told <= len(ids) - whole + 6 + (6 if kind in ("ssm", "hybrid", "mamba") else 0)
        whole = len(ids)


def test_it_goes_back_when_tokens_are_cut_otherwise() -> None:
    """The model says "ab" as one token; the tokenizer reads it as two. Both must come out as if read from the start."""

    class Says(torch.nn.Module):
        """Adds to the logits, so that the answer is ``ab``, ``ab``, ``.`` whatever the model thinks."""

        def __init__(self, kind: str) -> None:
            super().__init__()
            self.base, self.script = make(kind), iter([11, 11, 3] * 3)
            self.embed, self.context = self.base.embed, 61
            self.hidden, self.new_state = self.base.hidden, self.base.new_state
            self.last: list[Tensor] = []

        def logits(self, hidden: Tensor) -> Tensor:
            self.last.append(self.base.logits(hidden)[0, -1])
            return torch.nn.functional.one_hot(torch.tensor([[next(self.script)]]), 13).float()

    for kind in ("llama", "ssm", "hybrid"):
        model, tokenizer = Says(kind), Template()
        chat = Chat(model, tokenizer)
        assert [*chat.say("c", 5)] == ["ab", "ab"] and [*chat.say("d", 5)] == ["ab", "ab"]
        assert chat.statistics.prompt_tokens < 12  # not the 12 of "Uc.Aabab.Ud.A"
        ids = tokenizer.encode("Uc.Aabab.Ud.A", add_special=False)
        expected = model.base(torch.tensor([ids]))[0, -1]
        # the fourth call of the head follows the second prompt; float32, in other shapes
        torch.testing.assert_close(model.last[3], expected, rtol=1e-4, atol=1e-4)


def test_an_interrupted_answer_is_kept_as_far_as_it_came() -> None:
    model, tokenizer = make("llama"), Template()
    chat = Chat(model, tokenizer)
    answer = chat.say("a", 30, VARIED)
    first = next(answer)
    answer.close()
    assert chat.messages[-1] == {"role": "assistant", "content": first}
    said = "".join(chat.say("b", 5))
    ids = tokenizer.encode(f"Ua.A{first}.Ub.A", add_special=False)
    assert said == "".join(stream(model, tokenizer, ids, max_new=5))


def test_an_interrupt_inside_the_model_forgets_the_state() -> None:
    model, tokenizer = make("hybrid"), Template()
    chat = Chat(model, tokenizer)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    answer = chat.say("a", 30, VARIED)
    first = next(answer)
    handle = model.stack[1].register_forward_pre_hook(interrupt)
    with pytest.raises(KeyboardInterrupt):
        next(answer)
    handle.remove()
    said = "".join(chat.say("b", 5))
    ids = tokenizer.encode(f"Ua.A{first}.Ub.A", add_special=False)
    assert said == "".join(stream(model, tokenizer, ids, max_new=5))
    assert chat.statistics.prompt_tokens == len(ids)


@pytest.mark.parametrize("kind", ["llama", "ssm", "hybrid"])
def test_a_past_that_was_changed(kind: str) -> None:
    """A message may be taken back or said otherwise: what was read beyond that is read anew."""
    model, tokenizer = make(kind), Template()

    def alone(text: str) -> str:
        return "".join(stream(model, tokenizer, tokenizer.encode(text, add_special=False), max_new=7, sampling=VARIED))

    chat = Chat(model, tokenizer, system="a", room=40)
    first = "".join(chat.say("abc", 7, VARIED))
    del chat.messages[1:]
    assert "".join(chat.say("abc", 7, VARIED)) == first == alone("Sa.Uabc.A")  # all of it has been read already
    chat.messages[0]["content"] = "b"
    del chat.messages[1:]
    assert "".join(chat.say("abc", 7, VARIED)) == alone("Sb.Uabc.A")
    del chat.messages[1:]
    with pytest.raises(ValueError, match="must fit into the state's max_len"):
        chat.say("abd", 50, VARIED)
    assert "".join(chat.say("abd", 7, VARIED)) == alone("Sb.Uabd.A")


def test_a_conversation_that_does_not_fit() -> None:
    chat = Chat(make("llama"), Template(), room=10)
    with pytest.raises(
        ValueError, match=r"^max_new \(9\) and the 4 tokens before it must fit into the state's max_len"
    ):
        chat.say("a", 9)
    assert chat.messages == []
    assert "".join(chat.say("a", 3))
