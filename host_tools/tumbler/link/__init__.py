"""The owner's side of the link (docs/spec/link.md): radios, sessions, the client, pairing, and a connected lock.

    transport   what carries fragments: a Radio sees locks and connects, a Wire carries; bluetooth and simulator_radio
                are two of them
    session     one connection: fragments, hello, handshake, sealed messages
    client      requests that are done once, whatever is lost on the way
    refusals    a refusal of the lock, in words
    pair        a first key for a client that shares no secret with the lock
    radios      all radios of this computer
    connected   a connection to a lock of the registry, which stores what the lock reports
    updating    an update, sent from wherever the lock is with it

Everything runs under asyncio in one task: one request is in flight at a time.
"""
