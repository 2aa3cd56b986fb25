"""What can go wrong with a sandbox."""


class SandboxError(Exception):
    """The sandbox cannot do what was asked: one sentence, and what to do."""

    def __init__(self, what: str, next_step: str = "", details: object = None) -> None:
        super().__init__(what)
        self.what = what
        self.next_step = next_step
        self.details = details
