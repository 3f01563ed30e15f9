"""The options of our sockets: no state of a connection ends the process, as libzmq's own assertions would."""

import subprocess
import sys

SERVER = """
import subprocess, sys
import zmq
from engine.service.transport import tune

context = zmq.Context()
router = tune(context.socket(zmq.ROUTER))
if router.getsockopt(zmq.HEARTBEAT_IVL):  # in seconds it would take seconds
    router.setsockopt(zmq.HEARTBEAT_IVL, 50)
router.setsockopt(zmq.RCVHWM, 1)
port = router.bind_to_random_port("tcp://127.0.0.1")
client = subprocess.Popen([sys.executable, "-Ic", sys.argv[1], str(port)], stdout=subprocess.PIPE)
client.stdout.readline()
client.kill()
client.communicate()
nobody = context.socket(zmq.PAIR)
nobody.bind("inproc://nobody")
nobody.poll(500)  # several heartbeats fall due, if there are any
heard = 0
while router.poll(100):
    router.recv_multipart()
    heard += 1
print(heard)
context.destroy(linger=0)
"""
CLIENT = """
import sys, zmq

socket = zmq.Context().socket(zmq.DEALER)
socket.connect(f"tcp://127.0.0.1:{sys.argv[1]}")
socket.sndtimeo = 100
try:
    while True:
        socket.send(bytes(1_000))
except zmq.Again:
    print("all queues are full", flush=True)
sys.stdin.read()
"""


def test_a_client_that_dies_while_its_queue_is_full_ends_nothing() -> None:
    """Killed while the engine is too busy to read: what had come is read, and the process lives."""
    ran = subprocess.run(
        [sys.executable, "-c", SERVER, CLIENT], capture_output=True, text=True, timeout=60, check=False,
        stdin=subprocess.PIPE,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) > 0
