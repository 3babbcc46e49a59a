"""The one exception that the `tumbler` command turns into two lines for a person: what was wrong, and what to do."""


class ToolError(Exception):
    """Something the owner asked for cannot be done.

    what: one sentence, what was wrong; remedy: one sentence, what to do about it. Neither holds a secret
    or the digits of a code. Exit status 1.
    """

    def __init__(self, what: str, remedy: str):
        super().__init__(what)
        self.what = what
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.what} {self.remedy}"
