"""A real SMTP server for tests: aiosmtpd with TLS and a log-in. Every mail is parsed by Python's own library and
printed as one line of JSON; the first line says where the server listens. Addressees that stand in DIRECTORY/refused are
refused for good.

usage: server.py DIRECTORY PORT none|starttls|tls [USER:PASSWORD]
"""

import asyncio, email, email.policy, json, os, ssl, sys

import trustme
from aiosmtpd.smtp import SMTP, AuthResult

directory, port, mode = sys.argv[1], int(sys.argv[2]), sys.argv[3]
login = tuple(sys.argv[4].encode().split(b":", 1)) if len(sys.argv) > 4 else None


def is_refused(address):
    path = f"{directory}/refused"
    return os.path.exists(path) and address in open(path).read().split()


class Received:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if is_refused(address):
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        parts = [part for part in mail.walk() if not part.is_multipart()]
        say(
            {
                "from": envelope.mail_from,
                "to": envelope.rcpt_tos,
                "tls": session.ssl is not None or mode == "tls",
                "authenticated": session.authenticated,
                "type": mail.get_content_type(),
                "headers": {name.lower(): str(value) for name, value in mail.items()},
                "parts": [{"type": part.get_content_type(), "name": part.get_filename(), "text": shown(part)} for part in parts],
                "defects": [str(defect) for part in mail.walk() for defect in part.defects],
            }
        )
        return "250 kept"


def shown(part):
    content = part.get_content()
    return content if isinstance(content, str) else content.decode("latin-1")


def say(value):
    print(json.dumps(value), flush=True)


def authenticate(server, session, envelope, mechanism, data):
    return AuthResult(success=(data.login, data.password) == login, handled=False)


def tls():
    authority = trustme.CA()
    authority.cert_pem.write_to_path(f"{directory}/authority.pem")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    return context


async def main():
    context = None if mode == "none" else tls()
    starttls = mode == "starttls"
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(
            Received(),
            tls_context=context if starttls else None,
            require_starttls=starttls,
            authenticator=authenticate if login else None,
            auth_required=login is not None,
            auth_require_tls=starttls,
            loop=loop,
        ),
        "localhost",
        port,
        ssl=context if mode == "tls" else None,
    )
    say({"port": server.sockets[0].getsockname()[1]})
    await server.serve_forever()


asyncio.run(main())
