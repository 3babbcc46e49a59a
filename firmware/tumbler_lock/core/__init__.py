"""The logic of the lock: bytes and integers in, verdicts out.

Nothing here touches hardware, and nothing here imports `drivers`, `app` or the host tools. Each row imports only rows
below it and itself, and no two modules import each other (pyproject.toml, `make imports`). core has no folders: six of
them would cost 1,824 bytes of heap on 32 bits.

room     modules
link     protocol fragments token_bucket link_state handlers pairing session sessions
access   keypad_buffer budget reading verifier management
storage  events event_names clock codebook keys config records journal journal_reader store
update   manifest boot_slots slot_writer updates
codes    zone tickets schedule ff1 passcode policy
crypto   aes kdf gcm x25519 noise lms
ground   errors cooperative atomic_files
"""
