"""Stream decoders: bytes in, whole events out.

What an inference host streams arrives cut anywhere. A decoder puts it together again, knows nothing
of sockets, clocks or what an event means, and may be fed by any host:

    decoder = SSEDecoder()
    for chunk in chunks:
        for event in decoder.feed(chunk):
            ...
    for event in decoder.finish():
        ...

Their promise is one line: any bytes, in any chunks, give the same items and then, if they break the
protocol, `ProtocolError`; never another exception.
"""

from edgelet.decoders.json_value import parse_json
from edgelet.decoders.lines import EVENT_LIMIT
from edgelet.decoders.ndjson import NDJSONDecoder
from edgelet.decoders.sse import ServerSentEvent, SSEDecoder

__all__ = ["EVENT_LIMIT", "NDJSONDecoder", "SSEDecoder", "ServerSentEvent", "parse_json"]
