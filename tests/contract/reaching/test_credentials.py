"""
A token is got where it comes from, got anew when it ends or is refused, and shown nowhere.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from tests.contract.reaching.token_server import (
    CLIENT_ID,
    CLIENT_SECRET,
    TokenServer,
    token_server,
)
from tests.tools import JOBPROOF, PATIENCE_S, run_to_end
from tests.wire import Wire

from jobproof.contract.client.curl import Client
from jobproof.contract.formats.secrets.secret import Secret
from jobproof.contract.formats.secrets.token_place import TokenPlace
from jobproof.contract.mock import MockServer
from jobproof.contract.model.asking.route import Route
from jobproof.contract.model.exchange import Credential, Request
from jobproof.contract.plugins import find_api
from jobproof.contract.reaching.credential_reader import CredentialTexts, read_credential
from jobproof.contract.reaching.renewing_client import RenewingClient
from jobproof.contract.reaching.setting import OPTIONS_PLACE, SettingError
from jobproof.contract.reaching.token_keeper import TokenKeeper
from jobproof.contract.reaching.token_sources import (
    CommandToken,
    FileToken,
    OAuth2Token,
    TokenError,
)

OLD, NEW = "tok-first-4f1c8e7a", "tok-second-9b2d6c31"


def source_at(server: TokenServer, secret: str = CLIENT_SECRET) -> OAuth2Token:
    return OAuth2Token(server.url, CLIENT_ID, Secret(secret), "jobs:read")


class TestSources:
    @pytest.mark.parametrize("in_form", [False, True], ids=["by Basic", "in the form"])
    def test_a_token_server_is_asked_for_one(self, *, in_form: bool) -> None:
        with token_server(TokenServer([OLD], 300, in_form=in_form)) as server:
            fetched = source_at(server).fetch()
        assert (fetched.token, fetched.lifetime_s) == (Secret(OLD), 300.0)
        assert server.forms[-1]["scope"] == ["jobs:read"]

    def test_a_token_server_that_refuses_says_why_in_one_line(self) -> None:
        with token_server(TokenServer([OLD])) as server, pytest.raises(TokenError) as raised:
            source_at(server, "another-secret").fetch()
        assert "answers 401, invalid_client (see --oauth2-client-id" in str(raised.value)
        assert "another-secret" not in str(raised.value)

    def test_a_token_server_that_isnt_there_is_one_line(self) -> None:
        gone = TokenServer([OLD], url="http://127.0.0.1:9/token")
        with pytest.raises(TokenError, match=r"--oauth2-token-url .* can't be reached: "):
            source_at(gone).fetch()

    @pytest.mark.parametrize(
        ("code", "body", "says"),
        [
            (200, b"5", "answers 200, missing_token: it wrote no JSON object"),
            (200, b"null", "missing_token"),
            (200, b"[1]", "missing_token"),
            (200, b"[" * 10_000, "missing_token"),
            (200, b"\xff\xfe", "missing_token"),
            (200, b"<html>?access_token=abc&x=y</html>", "missing_token"),
            (200, b'{"access_token": 5}', "missing_token"),
            (200, b'{"access_token": {"a": 1}}', "missing_token"),
            (200, b'{"access_token": "a\\r\\nX: y"}', "no token that can be sent"),
            (500, b'{"access_token": "tok", "token_type": "Bearer"}', "answers 500, missing_token"),
            (400, b'{"error": {"a": 1}}', "answers 400, missing_token"),
            (400, b'{"error": "bad\\n\\u001b[31mthing"}', "an error without a name"),
            (400, b'{"error": "s3cret/of the+client"}', "an error without a name"),
            (400, b'{"error": "server_error"}', "answers 400, server_error"),
            (200, b"x" * 200_000, "more than 65536 bytes came"),
        ],
    )
    def test_whatever_a_token_server_says_is_one_line(
        self, code: int, body: bytes, says: str
    ) -> None:
        with token_server(TokenServer([OLD], raw=(code, body))) as server:
            with pytest.raises(TokenError) as raised:
                source_at(server).fetch()
            with pytest.raises(TokenError) as shown:
                source_at(server, "server_error").fetch()
        assert says in str(raised.value)
        assert str(raised.value).isprintable()
        assert CLIENT_SECRET not in str(raised.value)
        assert "server_error" not in str(shown.value)

    @pytest.mark.parametrize(
        ("written", "lifetime_s"),
        [
            ("300", 300.0),
            ('"300"', 300.0),
            ("0.5", 0.5),
            *((odd, None) for odd in ("0", "-5", '"soon"', "[1]", "true", "1e999", "9" * 400)),
        ],
    )
    def test_a_lifetime_that_cant_be_one_is_none(
        self, written: str, lifetime_s: float | None
    ) -> None:
        told = f'{{"access_token": "{OLD}", "token_type": "Bearer", "expires_in": {written}}}'
        with token_server(TokenServer([OLD], raw=(200, told.encode()))) as server:
            fetched = source_at(server).fetch()
        assert (fetched.token, fetched.lifetime_s) == (Secret(OLD), lifetime_s)

    @pytest.mark.parametrize("end", ["", "/", "/?p=a-key-in-it"])
    def test_a_token_server_is_asked_where_it_is_written(self, end: str) -> None:
        with token_server(TokenServer([OLD])) as server:
            given = {"token_url": server.url + end, "client_id": CLIENT_ID}
            texts = CredentialTexts(oauth2={**given, "client_secret_env": "CS"})
            source = read_credential(texts, Route(), OPTIONS_PLACE, {"CS": CLIENT_SECRET})
            assert isinstance(source, OAuth2Token)
            assert source.fetch().token == Secret(OLD)
            assert server.targets == [f"/token{end}"]
        with pytest.raises(TokenError) as raised:
            source.fetch()
        assert "a-key-in-it" not in str(raised.value)

    def test_a_server_may_allow_less_than_was_asked_for(self) -> None:
        told = f'{{"access_token": "{OLD}", "token_type": "Bearer", "scope": "jobs:list"}}'
        with token_server(TokenServer([OLD], raw=(200, told.encode()))) as server:
            assert source_at(server).fetch().token == Secret(OLD)

    def test_a_file_that_would_never_end_isnt_begun(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        (tmp_path / "long").write_text("x" * 100_000)
        for name, says in (
            (tmp_path / "pipe", "it is a pipe or a device"),
            (Path("/dev/zero"), "it is a pipe or a device"),
            (tmp_path / "long", "holds more than 65536 bytes"),
        ):
            with pytest.raises(SettingError, match=says):
                FileToken(name).fetch()

    def test_a_command_prints_it(self) -> None:
        words = (sys.executable, "-c", f"print({OLD!r})")
        assert CommandToken(words).fetch().token == Secret(OLD)

    @pytest.mark.parametrize(
        ("code", "says"),
        [
            ("import sys; sys.exit(3)", "ended with 3"),
            ("pass", "printed no token in one line"),
            ("print('a\\nb')", "printed no token in one line"),
            ("print('x' * 10 ** 6)", "prints more than any token has"),
        ],
    )
    def test_a_command_that_prints_none_is_one_line(self, code: str, says: str) -> None:
        with pytest.raises(TokenError, match=says):
            CommandToken((sys.executable, "-c", code)).fetch()

    def test_a_command_that_isnt_there_is_a_wrong_setting(self) -> None:
        with pytest.raises(SettingError, match="can't be run: No such file"):
            CommandToken(("no-such-program",)).fetch()

    def test_a_command_that_hangs_is_ended(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("jobproof.contract.reaching.token_sources._LONGEST_COMMAND_S", 0.2)
        with pytest.raises(TokenError, match="took longer than"):
            CommandToken((sys.executable, "-c", f"import time; time.sleep({PATIENCE_S})")).fetch()


class TestKeeper:
    def test_a_file_is_read_again_when_it_changes(self, tmp_path: Path) -> None:
        path = tmp_path / "token"
        path.write_text(OLD)
        keeper = TokenKeeper(FileToken(path))
        assert keeper.current() == Secret(OLD)
        (tmp_path / "next").write_text(f"{NEW}\n")
        (tmp_path / "next").replace(path)
        assert keeper.current() == Secret(NEW)
        path.unlink()
        assert keeper.current() == Secret(NEW), "what was read still holds"
        assert set(keeper.secrets) == {Secret(OLD), Secret(NEW)}

    def test_one_that_ends_is_got_anew_before(self) -> None:
        now = [0.0]
        with token_server(TokenServer([OLD, NEW], 300)) as server:
            keeper = TokenKeeper(source_at(server), clock=lambda: now[0])
            assert keeper.current() == Secret(OLD)
            now[0] = 269.0
            assert keeper.current() == Secret(OLD)
            now[0] = 270.0
            assert keeper.current() == Secret(NEW)
        now[0] = 10_000.0
        assert keeper.current() == Secret(NEW), "the server is gone, and the token may be good"

    def test_one_that_is_refused_is_got_anew_once(self) -> None:
        with token_server(TokenServer([OLD, NEW, "tok-third-0001"])) as server:
            keeper = TokenKeeper(source_at(server))
            first = keeper.current()
            assert keeper.renewed(first) == Secret(NEW)
            assert keeper.renewed(first) == Secret(NEW), "another thread was refused, too"
            assert keeper.renewed(Secret(NEW)) is None, "that is the server's mind"
            assert server.given == 2
        assert keeper.renewals == 1

    def test_whoever_listens_knows_each_token_before_it_is_sent(self) -> None:
        heard: list[Secret] = []
        with token_server(TokenServer([OLD])) as server:
            keeper = TokenKeeper(source_at(server))
            keeper.tell(heard.extend)
            keeper.current()
        assert heard == [Secret(CLIENT_SECRET), Secret(OLD)]

    def test_equal_settings_are_one_key(self, tmp_path: Path) -> None:
        one, same = (TokenKeeper(FileToken(tmp_path / "a")) for _ in range(2))
        assert one == same
        assert one.stand_in == same.stand_in
        assert one != TokenKeeper(FileToken(tmp_path / "b"))


PLACES = {
    "header": TokenPlace(),
    "API key": TokenPlace("header", "X-Api-Key", ""),
    "query": TokenPlace("query", "key", ""),
    "cookie": TokenPlace("cookie", "session", ""),
}


class TestRenewing:
    @pytest.fixture
    def server(self) -> Iterator[Wire]:
        def answer(line: object) -> None:
            is_new = NEW.encode() in line.request  # type: ignore[attr-defined]
            head = b"200 OK" if is_new else b"401 Unauthorized"
            line.send(b"HTTP/1.1 " + head + b"\r\nContent-Length: 0\r\n\r\n")  # type: ignore[attr-defined]

        with Wire({"job": answer}) as server:  # type: ignore[dict-item]
            yield server

    @pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
    def test_a_refused_question_is_put_once_more(self, server: Wire, place: TokenPlace) -> None:
        with token_server(TokenServer([OLD, NEW])) as tokens, Client() as client:
            keeper = TokenKeeper(source_at(tokens))
            stand_in = keeper.stand_in.reveal()
            query = f"?key={stand_in.replace(':', '%3A')}" if place.place == "query" else ""
            value = place.written(stand_in)
            header = (place.name, value)
            if place.place == "cookie":
                header = ("Cookie", f"{place.name}={value}")
            request = Request(
                *("GET", server.url("job") + query),
                headers=() if query else (header,),
                credential=Credential.OWNER,
                token_at=place,
            )
            exchange = RenewingClient(client, keeper).send(request, deadline_s=PATIENCE_S)
        assert exchange.response is not None
        assert exchange.response.code == 200
        assert exchange.request.token == NEW
        assert [OLD.encode() in one for one in server.requests] == [True, False]
        assert not any(stand_in.encode() in one for one in server.requests)

    @pytest.mark.parametrize("credential", [Credential.NONE, Credential.INVALID])
    def test_a_question_that_is_meant_to_be_refused_gets_no_token_anew(
        self, server: Wire, credential: Credential
    ) -> None:
        with token_server(TokenServer([OLD, NEW])) as tokens, Client() as client:
            keeper = TokenKeeper(source_at(tokens))
            headers = (("Authorization", "Bearer wrong"),) if credential == "invalid" else ()
            request = Request(
                *("GET", server.url("job"), headers),
                credential=credential,
                token_at=TokenPlace(),
            )
            exchange = RenewingClient(client, keeper).send(request, deadline_s=PATIENCE_S)
            assert tokens.given == 0
        assert exchange.response is not None
        assert exchange.response.code == 401
        assert len(server.requests) == 1


class TestCommand:
    @pytest.fixture
    def mock(self) -> Iterator[MockServer]:
        with MockServer(find_api("krea")) as server:
            yield server

    def run(
        self, folder: Path, mock: MockServer, *options: str, **environment: str
    ) -> CompletedProcess[str]:
        job = next(job.id for job in mock.jobs if job.life == "old-image")
        done = run_to_end(
            *(*JOBPROOF, "test", "--api", "krea", "--url", mock.url, "--job", job),
            *("--effort", "quick", "--report", "report.json", "--junit", "junit.xml", *options),
            folder=folder,
            env={**os.environ, "KREA_API_TOKEN": "", **environment},
        )
        assert "Traceback" not in done.stdout + done.stderr
        return done

    def shown(self, folder: Path, done: CompletedProcess[str]) -> str:
        files = (folder / name for name in ("report.json", "junit.xml"))
        return done.stdout + done.stderr + "".join(f.read_text("utf-8") for f in files)

    def test_by_a_file_a_command_and_a_token_server(self, mock: MockServer, tmp_path: Path) -> None:
        (tmp_path / "token").write_text(f"{mock.token}\n")
        command = f"{sys.executable} -c \"print(open('token').read())\""
        with token_server(TokenServer(["tok-that-has-just-ended", mock.token])) as server:
            oauth2 = ("--oauth2-token-url", server.url, "--oauth2-client-id", CLIENT_ID)
            oauth2 += ("--oauth2-client-secret-env", "CS")
            for options in (("--token-file", "token"), ("--token-command", command), oauth2):
                done = self.run(tmp_path, mock, *options, CS=CLIENT_SECRET)
                assert done.returncode == 0, done.stdout + done.stderr
                shown = self.shown(tmp_path, done)
                assert mock.token not in shown
                assert CLIENT_SECRET not in shown
        report = json.loads((tmp_path / "report.json").read_text("utf-8"))
        assert "the token was refused (401) once" in " ".join(report["notes"])

    def test_what_cant_be_used_is_one_line(self, mock: MockServer, tmp_path: Path) -> None:
        for code, options, says in (
            (2, ("--token-file", "no"), "--token-file no can't be read: No such file"),
            (2, ("--token-env", "T", "--token-file", "x"), "--token-env is given too"),
            (2, ("--token-command", "no-such"), "--token-command no-such: can't be run"),
            (2, ("--basic-user", "me"), "--basic-password-env is missing"),
            (2, ("--oauth2-client-id", "x"), "--oauth2-token-url is missing"),
            (2, ("--token-file", ""), "--token-file is empty: write a value, or leave it out"),
            (2, ("--token-command", ""), "--token-command is empty"),
            (2, ("--ca-file", ""), "--ca-file is empty"),
            (2, ("--accept-file", ""), "--accept-file is empty"),
            (2, ("--token-command", " "), "--token-command is empty"),
            (2, ("--token-env", "sk-live-4f1c8e7a9b2d6c31"), "not its value"),
            (2, ("--timeout", "1e400"), "--timeout inf: must be less than 1000000 seconds"),
            (2, ("--header", "X-Tenant=$UNSET"), "environment variable UNSET isn't set"),
            (2, ("--header", "X-Tenant=@no"), "no can't be read: No such file"),
            (3, ("--token-command", "false"), "token command false: ended with 1"),
        ):
            done = self.run(tmp_path, mock, *options)
            assert done.returncode == code, (options, done.stdout, done.stderr)
            said = done.stdout + done.stderr
            # A run that has begun tells its verdict in a line, and is counted by pytest below it.
            lines = said.splitlines() if code == 3 else said.splitlines()[-1:]
            assert any(says in line for line in lines), options
            assert "sk-live" not in said

    def test_a_dry_run_shows_no_secret_and_asks_nobody(
        self, mock: MockServer, tmp_path: Path
    ) -> None:
        (tmp_path / "tenant").write_text("tenant-never-shown")
        with token_server(TokenServer([OLD])) as server:
            done = self.run(
                *(tmp_path, mock, "--dry-run", "--oauth2-token-url", server.url),
                *("--oauth2-client-id", CLIENT_ID, "--oauth2-client-secret-env", "CS"),
                *("--header", "X-Tenant=@tenant"),
                CS=CLIENT_SECRET,
            )
            assert done.returncode == 0, done.stderr
            assert server.given == 0
        assert "tenant-never-shown" not in done.stdout
        assert CLIENT_SECRET not in done.stdout
