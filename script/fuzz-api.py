"""What schemathesis has to be told of the API in code; loaded by script/fuzz-api.

Guessed ids name nothing. So two of every three requests about one thing are about a thing that exists: one that is made for
them, or that a list shows. Pieces of files go to uploads that are announced for them.
"""

import itertools
import os
import re

import requests
import schemathesis
from schemathesis import Case, HookContext

# The pieces of tus are bytes like any other file, and so are mails.
BYTES = ["application/offset+octet-stream", "message/rfc822"]
for media_type in BYTES:
    schemathesis.serializer.alias(media_type, "application/octet-stream")

# Sent to see whether unknown headers are refused: they need not be.
UNKNOWN = "x-schemathesis-unknown-property"

_turn = itertools.count()


def _ask(token: str, method: str, path: str, **more) -> dict:
    """What the API answers, if it is what was wanted."""
    headers = {"Authorization": token, **more.pop("headers", {})}
    answer = requests.request(method, os.environ["FUZZ_URL"] + path, headers=headers, timeout=30, **more)
    return answer.json() if answer.status_code in (200, 201) else {}


def _listed(token: str, path: str, key: str = "id") -> str | None:
    """One of a list."""
    found = _ask(token, "GET", path).get("data") or []
    return str(found[next(_turn) % len(found)][key]) if found else None


def _event(token: str) -> str | None:
    return _listed(token, "/api/v1/events?limit=100", "slug")


def _upload(token: str) -> str | None:
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": "64", "Upload-Metadata": "filename YS50eHQ="}
    return _ask(token, "POST", "/api/v1/uploads", headers=headers).get("id")


def _document(token: str) -> str | None:
    file = {"file": ("nota.txt", b"Una nota.\n", "text/plain")}
    return _listed(token, "/api/v1/documents") or _ask(token, "POST", "/api/v1/documents", files=file).get("id")


def _booking(token: str) -> str | None:
    path = f"/api/v1/events/{_event(token)}/bookings"
    return _ask(token, "POST", path, json={"tickets": 1}).get("id") or _listed(token, "/api/v1/me/bookings")


def _key(token: str) -> str | None:
    wanted = {"name": "fuzz", "scopes": ["profile:read"]}
    return _listed(token, "/api/v1/api-keys") or _ask(token, "POST", "/api/v1/api-keys", json=wanted).get("id")


def _review(token: str) -> str | None:
    return _listed(token, "/api/v1/reviews") or _listed(token, "/api/v1/me/reviews")


def _act(token: str) -> str | None:
    wanted = {"client_email": "user2@sportello.example", "act_type": "certified_copies"}
    if next(_turn) % 4 == 0:
        return _ask(token, "POST", "/api/v1/acts", json=wanted).get("id")
    return _listed(token, "/api/v1/acts") or _ask(token, "POST", "/api/v1/acts", json=wanted).get("id")


def _patient(token: str) -> str | None:
    return _listed(token, "/api/v1/clinic/patients")


def _of_patient(token: str, what: str) -> tuple[str, str] | None:
    """A patient and something of theirs."""
    for patient in _ask(token, "GET", "/api/v1/clinic/patients?limit=20").get("data") or []:
        found = _listed(token, f"/api/v1/clinic/patients/{patient['id']}/{what}")
        if found:
            return patient["id"], found
    return None


def _analysis(token: str) -> str | None:
    found = _of_patient(token, "analyses")
    return found[1] if found else None


# Paths about two things at once.
PAIRS = [
    ("/api/v1/clinic/patients/{id}/documents/{document}", "document", "documents"),
    ("/api/v1/clinic/patients/{id}/reports/{report}", "report", "reports"),
]


# How paths begin that are about one thing, the parameter that names it, and where a real one comes from.
REAL = [
    ("/api/v1/uploads/{id}", "id", _upload),
    ("/api/v1/documents/{id}", "id", _document),
    ("/api/v1/bookings/{id}", "id", _booking),
    ("/api/v1/api-keys/{id}", "id", _key),
    ("/api/v1/reviews/{id}", "id", _review),
    ("/api/v1/acts/{id}", "id", _act),
    ("/api/v1/clinic/patients/{id}", "id", _patient),
    ("/api/v1/clinic/analyses/{id}", "id", _analysis),
    ("/api/v1/clinic/emr/report/{id}", "id", _analysis),
    ("/api/v1/clinic/emr/export/{id}", "id", _patient),
    ("/api/v1/fhir/Patient/{id}", "id", _patient),
    *(
        (f"{path}/{{id}}", "id", lambda token, found=found: _listed(token, found))
        for path, found in [
            ("/api/v1/appointments", "/api/v1/appointments"),
            ("/api/v1/certified-mail-templates", "/api/v1/certified-mail-templates"),
            ("/api/v1/certified-mail", "/api/v1/certified-mail"),
            ("/api/v1/clinics", "/api/v1/clinics"),
            ("/api/v1/conservation-packages", "/api/v1/notary/office/conservation-packages"),
            ("/api/v1/me/notifications", "/api/v1/me/notifications"),
            ("/api/v1/notaries", "/api/v1/notaries"),
            ("/api/v1/notary/offices", "/api/v1/notary/offices"),
            ("/api/v1/notary/office/availability", "/api/v1/notary/office/availability"),
            ("/api/v1/notary/office/exceptions", "/api/v1/notary/office/exceptions"),
            ("/api/v1/notary/office/templates", "/api/v1/notary/office/templates"),
            ("/api/v1/notary/reviews", "/api/v1/notary/reviews"),
            ("/api/v1/signature-requests", "/api/v1/me/signature-requests"),
        ]
    ),
    ("/api/v1/me/events/{slug}", "slug", lambda token: _listed(token, "/api/v1/me/events", "slug")),
    ("/api/v1/events/{slug}", "slug", _event),
    ("/api/v1/users/{id}", "id", lambda token: _listed(token, "/api/v1/users")),
    ("/admin/api/cron/{key}", "key", lambda token: _listed(token, "/admin/api/cron", "key")),
    ("/admin/api/jobs/{id}", "id", lambda token: _listed(token, "/admin/api/jobs")),
]


def _is_as_described(case: Case, place: str) -> bool:
    parts = case.meta.components.items() if case.meta else ()
    return any(name.value == place and not part.mode.is_negative for name, part in parts)


@schemathesis.hook
def filter_case(context: HookContext, case: Case) -> bool:
    """A number in the place of bytes is sent as bytes: nothing is wrong with it."""
    return case.media_type not in BYTES or not isinstance(case.body, (bool, int, float, list, dict))


@schemathesis.hook
def before_call(context: HookContext, case: Case, kwargs: dict) -> None:
    """Puts something real into most requests, unless their path or method is what is being tried."""
    headers = case.headers or {}
    token = headers.get("Authorization")
    if not isinstance(token, str) or not token.startswith("Bearer ") or UNKNOWN in headers:
        return
    is_other_method = case.method.upper() != case.operation.method.upper()
    if is_other_method or not _is_as_described(case, "path") or case.meta.phase.name.value == "stateful":
        return
    known = [(name, make) for begin, name, make in REAL if case.operation.path.startswith(begin)]
    if not known or next(_turn) % 3 == 0:
        return
    pairs = [(name, what) for begin, name, what in PAIRS if case.operation.path.startswith(begin)]
    both = _of_patient(token, pairs[0][1]) if pairs else None
    if both:
        case.path_parameters["id"], case.path_parameters[pairs[0][0]] = both
    else:
        name, make = known[0]
        real = make(token)
        if real is None:
            return
        case.path_parameters[name] = real
    if re.fullmatch(r'"[!#-~]+"', str(headers.get("If-Match", ""))) and next(_turn) % 3 != 0:
        headers["If-Match"] = "*"
    if re.fullmatch("[0-9]{1,18}", str(headers.get("Upload-Offset", ""))):
        headers["Upload-Offset"] = "0"
