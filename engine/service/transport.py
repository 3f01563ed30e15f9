"""A ZeroMQ socket on an asyncio loop, and the options that every socket of ours has."""

import asyncio
import contextlib
import ctypes
import gc
import sys
from collections.abc import Callable, Sequence
from typing import Any

import zmq

LOOK_SECONDS = 0.01  # between two looks where the loop cannot watch a socket
GONE_SECONDS = 6  # without a sign of the other computer's TCP, a connection ends
M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8  # of <malloc.h>
LARGE_BLOCK_BYTES = 128 * 1024
BATCH = 256  # messages handed over at once; then the loop may do something else

Frames = list[bytes]


def tune(socket: "zmq.Socket[bytes]") -> "zmq.Socket[bytes]":
    """Set limits, and have the system find out who has gone. How large a message may be is for each side to say.

    Not with ZeroMQ's own heartbeats: libzmq 4.3.5 ends the process by an assertion (`!_io_error`) where one falls
    due on a connection that has died while its queue here was full, and it hangs up on a large message that takes
    longer than a heartbeat may. Both sides say something each second anyway.
    """
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.SNDHWM, 1_000)
    socket.setsockopt(zmq.RCVHWM, 1_000)
    socket.setsockopt(zmq.TCP_KEEPALIVE, 1)
    socket.setsockopt(zmq.TCP_KEEPALIVE_IDLE, GONE_SECONDS // 2)
    socket.setsockopt(zmq.TCP_KEEPALIVE_INTVL, 1)
    socket.setsockopt(zmq.TCP_KEEPALIVE_CNT, GONE_SECONDS // 2)
    socket.setsockopt(zmq.TCP_MAXRT, GONE_SECONDS * 1_000)
    socket.setsockopt(zmq.RECONNECT_IVL, 50)
    socket.setsockopt(zmq.RECONNECT_IVL_MAX, 1_000)
    return socket


class Channel:
    """Hands whole messages to `on_messages` as they come, in batches, and sends without waiting.

    Threads: everything on the loop's thread. The socket's file descriptor is edge-triggered (it says that
    something changed, once), so it is read dry at each call and looked at again after each send. A loop that
    watches no descriptors, as Windows' usual one, looks at the socket at short intervals instead.
    """

    def __init__(self, socket: "zmq.Socket[bytes]", on_messages: Callable[[list[Frames]], Any]) -> None:
        self.socket = socket
        self._on_messages = on_messages
        self._loop = asyncio.get_running_loop()
        self._descriptor = int(socket.getsockopt(zmq.FD))
        self._looks: asyncio.TimerHandle | None = None  # only where the loop does not watch
        self._again = False
        try:
            self._loop.add_reader(self._descriptor, self._drain)
        except NotImplementedError:
            self._look_on()
        self._look_again()

    def send(self, frames: Sequence[bytes]) -> bool:
        """Send and return True; False when the peer is gone or its queue is full."""
        try:
            self.socket.send_multipart(frames, zmq.DONTWAIT)
            return True
        except zmq.ZMQError:
            return False
        finally:
            self._look_again()

    def close(self) -> None:
        """Stop reading and close the socket."""
        if self.socket.closed:
            return
        if self._looks is None:
            self._loop.remove_reader(self._descriptor)
        else:
            self._looks.cancel()
        self.socket.close(linger=0)

    def _look_on(self) -> None:
        self._looks = self._loop.call_later(LOOK_SECONDS, self._look_on)
        self._look_again()

    def _look_again(self) -> None:
        if not self._again:
            self._again = True
            self._loop.call_soon(self._drain)

    def _drain(self) -> None:
        self._again = False
        batch: list[Frames] = []
        with contextlib.suppress(zmq.ZMQError):  # Again: read dry; anything else: closed
            while len(batch) < BATCH:
                batch.append(self.socket.recv_multipart(zmq.DONTWAIT))
        if not batch:
            return
        self._look_again()
        self._on_messages(batch)


def _give_memory_back() -> None:
    """Have glibc give large blocks back at once, and keep no heap for each thread: sound comes, is written and goes."""
    if sys.platform != "linux":
        return
    with contextlib.suppress(OSError, AttributeError):  # another C library
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK_BYTES)
        mallopt(M_ARENA_MAX, 2)


def run(main: Any) -> Any:
    """Run a coroutine on the one kind of loop that has both sockets and ZeroMQ on every system.

    It is the whole of a process: the interpreter's lock changes hands ten times as often as usual, so that
    a thread that packs a take does not keep the loop, and with it a device, waiting for 5 ms. For the same
    reason the collector does not look at the modules any more, nor often at what lives long.
    """
    sys.setswitchinterval(0.000_5)
    _give_memory_back()
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 100)
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        return runner.run(main)
