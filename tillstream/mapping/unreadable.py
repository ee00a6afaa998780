"""What a cell's transform raises when a text is not what its column promises."""


class Unreadable(Exception):
    """A cell that cannot be read.

    `rule` is a word of a closed set: id, date, date_of_birth, money, whole, percent, yes_no, email, phone, not_mobile,
    two_numbers.
    """

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule
