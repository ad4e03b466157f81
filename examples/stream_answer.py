"""Stream an answer from the inference host that AI_INFERENCE_API_HOST names, word by word.

export AI_INFERENCE_API_HOST=http://127.0.0.1:11434
python examples/stream_answer.py mistral "Why is the sky blue?"
"""

import asyncio
import sys

from edgelet import EdgeletError, Session


async def main(model: str, question: str, mode: str = "ollama") -> None:
    """Print the answer as it comes; leaving early, as with Ctrl-C, stops the model too."""
    stream = await Session(model).generate(question, stream=True, mode=mode)
    async with stream:
        async for chunk in stream:
            print(chunk.text, end="", flush=True)
    print()


if __name__ == "__main__":
    try:
        asyncio.run(main(*sys.argv[1:]))
    except EdgeletError as error:
        sys.exit(f"error: {error}")
