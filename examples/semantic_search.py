"""Search a handful of notes by meaning: embed them once, then rank them for a question.

python examples/semantic_search.py "How do I get my money back?"
"""

import asyncio
import sys

from edgelet import Session

NOTES = [
    "Refunds are paid to the card you used, within five working days.",
    "Our office is closed on public holidays.",
    "Reset your password from the sign-in page.",
    "Orders over 50 euros ship free of charge.",
]


async def main(question: str) -> None:
    """Print the notes, the nearest to `question` first."""
    session = Session("all-MiniLM-L6-v2")
    wanted = await session.run(question)
    vectors = await session.run(NOTES)
    scores = [sum(a * b for a, b in zip(wanted, vector, strict=True)) for vector in vectors]
    for score, note in sorted(zip(scores, NOTES, strict=True), reverse=True):
        print(f"{score:.2f}  {note}")


if __name__ == "__main__":
    asyncio.run(main(" ".join(sys.argv[1:]) or "How do I get my money back?"))
