"""What schemathesis has to be told of the API in code; loaded by script/fuzz-api.

Pieces of files are raw bytes of a media type of their own, and belong to an upload that was announced: of every two
requests that add a piece, one is sent to a real upload, so that more than 404 is reached.
"""

import itertools
import os

import requests
import schemathesis
from schemathesis import Case, HookContext

PIECE = "application/offset+octet-stream"
ANNOUNCED = 64
# Sent to see whether unknown headers are refused. Schemathesis excuses who ignores them, but not beside headers that are
# numbers, because it looks at these as text.
UNKNOWN = "x-schemathesis-unknown-property"

schemathesis.serializer.alias(PIECE, "application/octet-stream")

_turn = itertools.count()


def _uploads(case: Case) -> bool:
    return case.operation.label == "PATCH /api/v1/uploads/{id}" and next(_turn) % 2 == 0


@schemathesis.hook
def before_call(context: HookContext, case: Case, kwargs: dict) -> None:
    """Sends a piece to an upload of its own, from where that begins."""
    headers = case.headers or {}
    token = headers.get("Authorization")
    if not _uploads(case) or not token or UNKNOWN in headers or case.method.upper() != "PATCH":
        return
    announced = requests.post(
        f"{os.environ['FUZZ_URL']}/api/v1/uploads",
        headers={
            "Authorization": token,
            "Tus-Resumable": "1.0.0",
            "Upload-Length": str(ANNOUNCED),
            "Upload-Metadata": "filename YS50eHQ=",
        },
        timeout=15,
    )
    if announced.status_code != 201:
        return
    case.path_parameters["id"] = announced.json()["id"]
    offset = headers.get("Upload-Offset")
    if str(offset).isdecimal():
        headers["Upload-Offset"] = type(offset)(0)  # what is no number is what is to be tried
