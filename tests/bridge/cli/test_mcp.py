"""What an assistant can do: make, redraw and find loops, by the same settings as everybody."""

import asyncio
import json
from pathlib import Path
from typing import Any

from mcp import Client

from bridge.cli.assistant import make_server
from bridge.testing import Service

SECONDS = 60


def ask(service: Service, tool: str, **arguments: Any) -> Any:
    """Call a tool as an assistant does, and return its answer as plain values."""

    async def call() -> Any:
        async with Client(make_server(service.peer, service.takes)) as client:
            answer = await client.call_tool(tool, arguments)
            assert not answer.is_error, answer.content
            texts = [json.loads(part.text) for part in answer.content]
            return texts if tool == "takes" else texts[0]

    return asyncio.run(asyncio.wait_for(call(), SECONDS))


def test_an_assistant_makes_a_loop_and_gets_its_path(service: Service) -> None:
    """The take is on disk where the answer says, like any other."""
    settings = {"bars": "2", "seed": "5", "intensity": "0:-30 8:-12"}
    made = ask(service, "make", prompt="assistant house", settings=settings)
    (take,) = made["takes"]
    assert take["path"].endswith(f"-{take['id']}.wav")
    assert (take["bars"], take["seed"]) == (2, 5)
    again = ask(service, "redraw", take=take["id"], settings={"intensity": "0:-12 8:-30"})
    assert again["takes"][0]["id"] != take["id"]
    found = ask(service, "takes", words="assistant house")
    assert {one["id"] for one in found} == {take["id"], again["takes"][0]["id"]}
    assert ask(service, "take", take=take["id"]) == take


def test_an_assistant_hears_what_everybody_hears(service: Service) -> None:
    """Seed, words, what counts of the prompt and what the engine says of it: in the answer and in the take's file."""
    made = ask(service, "make", prompt="assistant dub at 90 bpm, asdfgh", settings={"bars": "1"})
    (take,) = made["takes"]
    said = json.loads(Path(take["path"]).with_suffix(".json").read_text(encoding="utf-8"))["notes"]
    for part in ("The prompt says 90 BPM", f"Seed {take['seed']} was chosen", "asdfgh"):
        assert any(part in remark for remark in made["remarks"])
        assert any(part in note for note in said)
    assert "verdicts" in take


def test_a_take_that_is_not_there_is_a_sentence_too(service: Service) -> None:
    """Redraw of an id that nobody has, or of a file that is not there."""
    for name in ("nobody", "gone.wav"):
        said = ask(service, "redraw", take=name)
        assert "There is no" in said["error"]
        assert said["remedy"]


def test_what_cannot_be_made_is_one_sentence_with_a_remedy(service: Service) -> None:
    """An assistant can tell its user what to change."""
    said = ask(service, "make", prompt="x", settings={"tempo_bpm": "9000"})
    assert "9000 BPM" in said["error"]
    assert said["remedy"]
