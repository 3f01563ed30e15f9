"""OSC: the table of addresses, the codec, requests in pieces, and the UDP socket."""
