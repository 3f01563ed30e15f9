"""Files wait for requests, in order, and never for ever."""

import asyncio

from bridge.session.effects import DropPreviews, Effect, Favourite, WriteTake
from bridge.takes.backlog import MAX_WAITING, STARVING_SECONDS, Backlog
from engine.events import Sound, Take
from engine.request import LoopRequest

FILES = [DropPreviews(str(number)) for number in range(5)]


def test_files_are_begun_one_at_a_time_and_in_order() -> None:
    """The next is begun only when the one before is over; nothing begins after the end."""
    begun: list[Effect] = []
    backlog = Backlog(begun.append)
    for effect in FILES:
        backlog.add(effect)
    assert begun == FILES[:1]
    assert len(backlog) == 5
    backlog.done()
    assert begun == FILES[:2]
    backlog.close()
    backlog.done()
    assert begun == FILES[:2]
    assert len(backlog) == 0


def test_takes_go_first_and_a_flood_of_trifles_is_cut_off() -> None:
    """What a producer waits for passes what can wait, of which only so much is kept."""
    begun: list[Effect] = []
    backlog = Backlog(begun.append)
    backlog.add(FILES[0])
    for number in range(1_000):
        backlog.add(Favourite(f"t{number}", True))
    sound = Sound(samples=bytes(8), sample_rate=44_100)
    take = WriteTake(LoopRequest(), Take(request_id="r", take=0, sound=sound, scores={}, noise=b"", record={}), False)
    backlog.add(take)
    assert len(backlog) == 2 + MAX_WAITING[Favourite]
    backlog.done()
    backlog.done()
    assert begun == [FILES[0], take, Favourite("t0", True)]


def test_a_file_waits_while_a_request_arrives() -> None:
    """Nothing is begun right after a part of a request, and all is when no more parts come."""

    async def story() -> None:
        begun: list[Effect] = []
        backlog = Backlog(lambda effect: (begun.append(effect), backlog.done()))
        backlog.add(FILES[0])
        backlog.disturb()
        backlog.add(FILES[1])
        backlog.add(FILES[2])
        assert begun == FILES[:1]
        async with asyncio.timeout(20):
            while begun != FILES[:3]:
                await asyncio.sleep(0.005)

    asyncio.run(story())


def test_parts_without_end_do_not_starve_files() -> None:
    """While requests arrive all the time, files are still begun one by one."""

    async def story() -> None:
        begun: list[Effect] = []
        backlog = Backlog(lambda effect: (begun.append(effect), backlog.done()))
        for effect in FILES:
            backlog.add(effect)
        async with asyncio.timeout(40 * STARVING_SECONDS + 20):
            while len(begun) < len(FILES):
                backlog.disturb()
                await asyncio.sleep(0.001)
        assert begun == FILES

    asyncio.run(story())
