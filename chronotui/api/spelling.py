"""Filter words that servers spell differently (wire note "Jobs")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from chronotui.errors import RequestRefusedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

Answer = TypeVar("Answer")

_OTHER_SPELLINGS: Final = {"CANCELED": "CANCELLED"}


class Spellings:
    """Remembers which spelling of a filter word this server takes."""

    def __init__(self) -> None:
        self._settled: dict[str, str] = {}

    async def ask(
        self, word: str, send: Callable[[str], Awaitable[Answer]], *, first_page: bool
    ) -> Answer:
        """Send a request that filters by a word, in the spelling the server takes.

        Args:
            word: Our spelling of the word.
            send: Sends the request with the spelling it is given.
            first_page: Whether a refusal can only be about the word (no cursor).

        Raises:
            RequestRefusedError: The server knows the word in no spelling, or refuses
                something else.
        """
        settled = self._settled.get(word)
        if settled is not None:
            return await send(settled)
        refusal: RequestRefusedError | None = None
        for spelling in (word, _OTHER_SPELLINGS.get(word)):
            if spelling is None:
                continue
            try:
                answer = await send(spelling)
            except RequestRefusedError as error:
                refusal = refusal or error
                continue
            self._settled[word] = spelling
            return answer
        assert refusal is not None  # noqa: S101  # the first spelling was refused
        if first_page:
            raise RequestRefusedError(
                f"This server does not filter by {word}. {refusal.sentence}",
                next_step="Choose another state, or list all and look for it.",
            ) from refusal
        raise refusal
