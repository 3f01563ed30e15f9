"""The parts between clients and the pipeline: the socket, the queue, the journal, and the workers that make loops.

`run` starts it all, `server` has the socket, `scheduler` decides what becomes of a request, `journal` keeps what was
promised, `executor` holds the `worker` processes, and only those load torch. Told as a whole in docs/service.md.
"""
