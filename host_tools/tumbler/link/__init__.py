"""The owner's side of the link (docs/spec/link.md): radios, sessions, the client, pairing, and a visit to a lock.

    transport   what carries fragments: a Radio sees locks and connects, a Wire carries; bluetooth and virtual are two
    session     one connection: fragments, hello, handshake, sealed messages
    client      requests that are done once, whatever is lost on the way
    pair        a first key for somebody who shares nothing with the lock
    results     what the lock answers, as values
    radios      all radios of this computer
    visit       one stay at a lock of the registry, which learns what the lock tells

Everything runs under asyncio in one task: one request is in flight at a time.
"""
