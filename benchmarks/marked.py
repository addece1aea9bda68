"""Text between two marks of a page, which a program writes and people do not."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Marks:
    """Where what a program writes begins and ends."""

    begin: str
    end: str

    def put(self, page: str, made: str) -> str:
        """The page with this between the marks instead of what was there.

        Raises:
            ValueError: the page has not both marks, once each and in this order.
        """
        if page.count(self.begin) != 1 or page.count(self.end) != 1 or page.index(self.begin) > page.index(self.end):
            raise ValueError(f"the page lacks {self.begin!r} and after it {self.end!r}, once each; put them back.")
        before, rest = page.split(self.begin)
        return f"{before}{self.begin}\n{made}{self.end}{rest.split(self.end)[1]}"
