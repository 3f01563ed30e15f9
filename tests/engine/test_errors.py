"""One tree of errors: every one has a code, a sentence and a remedy, and survives the border between processes."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

import engine.errors
from engine.errors import BadInputError, BadRequestError, DittoError
from engine.request import LoopRequest
from engine.service import wire
from midi.errors import MidiError
from midi.key import Key
from midi.tempo import exact

ALL = [getattr(engine.errors, name) for name in engine.errors.__all__]


@pytest.mark.parametrize("kind", ALL)
def test_every_error_has_a_code_a_sentence_and_a_remedy(kind: type[DittoError]) -> None:
    """And they are the same after it was sent to another process."""
    error = kind("It rains.", remedy="Take an umbrella.")
    assert issubclass(kind, DittoError)
    assert (str(error), error.sentence, error.remedy) == ("It rains.", "It rains.", "Take an umbrella.")
    assert error.code
    back = pickle.loads(pickle.dumps(error))
    assert (type(back), back.code, back.sentence, back.remedy) == (kind, error.code, error.sentence, error.remedy)


@given(fault=st.text(), sentence=st.text(), remedy=st.text())
def test_an_error_of_a_file_is_bad_input_everywhere(fault: str, sentence: str, remedy: str) -> None:
    """Its code on the wire is the documented one; its fault says what is wrong with the file."""
    error = MidiError(fault, sentence, remedy)
    assert isinstance(error, BadInputError)
    assert error.code == BadInputError.code == "bad_input"
    back = pickle.loads(pickle.dumps(error))
    assert (back.fault, back.sentence, back.remedy) == (fault, sentence, remedy)


def test_what_the_lowest_layer_refuses_needs_no_translation() -> None:
    """A key or a number is refused in its own words, under the one root."""
    for refused in (lambda: Key.parse("H flat"), lambda: LoopRequest(key="H flat"), lambda: exact("one")):
        with pytest.raises(DittoError) as caught:
            refused()
        assert caught.value.sentence


@pytest.mark.parametrize("field", [{"tempo_bpm": "one"}, {"key": "H flat"}, {"tempo_bpm": "1e999999999"}])
def test_a_message_with_such_a_value_is_a_bad_request(field: dict[str, str]) -> None:
    """As all that is wrong with a message is."""
    with pytest.raises(BadRequestError):
        wire.decode(wire.encode({"prompt": "x"} | field), LoopRequest)
    with pytest.raises(BadRequestError):
        wire.from_json(wire.to_json({"prompt": "x"} | field), LoopRequest)
