"""
One masker: every spelling of a secret, credentials of anybody, and nothing else.
"""

from __future__ import annotations

import json
import string
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.parrot import TOKEN, shown_in, spellings_of
from tests.threads import at_once

from jobproof.contract.formats.secrets.redaction import SHORTEST_SECRET, Redactor
from jobproof.contract.formats.secrets.secret import MASK, Secret

TOKENS = st.text(string.ascii_letters + string.digits + string.punctuation, min_size=8, max_size=40)


AROUND = ["a {} z", "{}", '{{"a": "{}"}}', "x={}&y=1", "C:\\{}\\", "%{}%", "/{}/~1"]


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("name", spellings_of(TOKEN))
def test_every_spelling_is_masked(name: str, around: str) -> None:
    redactor, text = Redactor([Secret(TOKEN)]), around.format(spellings_of(TOKEN)[name])
    for shown in (redactor.text(text), redactor.content(text.encode()).decode()):
        assert MASK in shown
        assert shown_in(shown) == []
    assert redactor.holds_secret(text)


@settings(deadline=None)
@given(TOKENS, st.text(max_size=20), st.text(max_size=20))
def test_every_spelling_of_any_token_is_masked(token: str, before: str, after: str) -> None:
    redactor = Redactor([token])
    for name, spelling in spellings_of(token).items():
        shown = redactor.text(f"{before} {spelling} {after}")
        assert MASK in shown, name
        assert spelling not in shown, name


@settings(deadline=None)
@given(st.text(max_size=200))
def test_a_text_without_secrets_stays_as_it_is(text: str) -> None:
    redactor = Redactor(["~never~drawn~0123456789"])
    assert redactor.text(text, foreign=False) == text
    assert redactor.content(text.encode("utf-8", "replace")) == redactor.content(
        redactor.content(text.encode("utf-8", "replace"))
    )


@settings(deadline=None)
@given(st.recursive(st.sampled_from(tuple(spellings_of(TOKEN).values())), st.lists, max_leaves=8))
def test_json_stays_json(value: object) -> None:
    redactor = Redactor([TOKEN])
    shown = redactor.text(json.dumps({"a": value}))
    json.loads(shown)
    assert shown_in(shown) == []
    assert shown_in(json.dumps(redactor.value({"a": value}))) == []


@pytest.mark.parametrize("mark", ["...", "…", "", "%2...", "\\...", "\\u00..."])
def test_a_secret_that_was_cut_before_is_masked_too(mark: str) -> None:
    cut = TOKEN[:9] + mark
    shown = Redactor([TOKEN]).text(f"seen: {cut}")
    assert shown == f"seen: {MASK}{mark}"


def test_the_beginning_of_a_secret_is_a_word_where_nothing_is_cut() -> None:
    assert Redactor(["https://token"]).text("at https://h/x and on") == "at https://h/x and on"


@pytest.mark.parametrize("secret", ["a", "on", "12345"])
def test_a_short_secret_blots_out_nothing(secret: str) -> None:
    assert len(secret) < SHORTEST_SECRET
    redactor = Redactor([secret])
    assert redactor.text("a plan: 12345 on") == "a plan: 12345 on"
    assert redactor.header("X-Api-Key", secret) == MASK


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("you sent Bearer abc.def-12345678", "you sent Bearer ***"),
        ("you sent bearer%20abcdefgh", "you sent bearer%20***"),
        ("Basic dXNlcjpwYXNz", "Basic ***"),
        ("Key abcd-0123", "Key ***"),
        ("?X-Amz-Signature=ab%2Fcd&w=1", "?X-Amz-Signature=***&w=1"),
        ("?a=1&X-Goog-Signature=ab", "?a=1&X-Goog-Signature=***"),
        ('"/a?sig=ab\\/cd"', '"/a?sig=***"'),
        ("&amp;Signature=ab&amp;w=1", "&amp;Signature=***&amp;w=1"),
        ("\\u0026token\\u003dab\\u0026w=1", "\\u0026token\\u003d***\\u0026w=1"),
        ("%3Fkey%3Dab%26w%3D1", "%3Fkey%3D***%26w%3D1"),
        ("?X-Amz-Security-Token=ab", "?X-Amz-Security-Token=***"),
        ("?Key-Pair-Id=ab", "?Key-Pair-Id=***"),
        ("https://me:pass-word@h/x", "https://***@h/x"),
    ],
)
def test_credentials_of_anybody_are_masked(text: str, shown: str) -> None:
    assert Redactor().text(text) == shown
    assert Redactor().text(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "Basic authentication is required",
        "the key completed_at stands twice",
        'Bearer realm="jobs", error="invalid_token"',
        'Bearer authorization_uri="https://h/"',
        "?monkey=1&turkeys=2&design=x",
        '{"next": "/jobs?cursor=abc&limit=3"}',
        "https://h/@me/x?to=a@b",
        "100% & <b>bold</b> \\o/",
    ],
)
def test_plain_words_stay(text: str) -> None:
    assert Redactor([TOKEN]).text(text) == text


def test_headers_are_masked_by_their_names_and_by_what_they_hold() -> None:
    headers = (
        ("Authorization", f"Bearer {TOKEN}"),
        ("Set-Cookie", "sid=abc; Path=/"),
        ("X-Api-Key", "of somebody else"),
        ("X-Echo", TOKEN),
        ("Accept", "application/json"),
    )
    assert Redactor([TOKEN]).headers(headers) == (
        ("Authorization", "Bearer ***"),
        ("Set-Cookie", "***"),
        ("X-Api-Key", "***"),
        ("X-Echo", "***"),
        ("Accept", "application/json"),
    )


def test_a_number_can_be_a_secret() -> None:
    assert Redactor(["12345678901"]).value({"a": [12345678901, 1.5, True, None]}) == {
        "a": [MASK, 1.5, True, None]
    }


def test_a_secret_that_was_replaced_stays_masked() -> None:
    redactor = Redactor([Secret("the-old-token")])
    redactor.add([Secret("the-new-token")])
    assert redactor.text("the-old-token the-new-token") == "*** ***"
    assert redactor.also(["the-old-token"]) is redactor
    assert redactor.also(["another-token"]).text("the-old-token another-token") == "*** ***"
    assert "token" not in repr(redactor)


def test_many_secrets_are_as_good_as_one() -> None:
    tokens = [f"token-of-tenant-{number:04}" for number in range(300)]
    redactor = Redactor(tokens)
    assert redactor.text(" ".join(tokens)) == " ".join([MASK] * 300)
    assert redactor.text("token-of-tenant-9999 stays") == "token-of-tenant-9999 stays"


HOSTILE = {
    "backslashes": "\\",
    "ampersands": "&amp;",
    "percents": "%25",
    "blanks behind a scheme": "key" + " " * 50,
    "plus signs behind a scheme": "basic" + "+" * 50,
    "half parameters": "?aaaa",
    "parameters": ";token=",
    "half entities": "&#000",
    "beginnings": TOKEN[:7],
    "cut marks": ".",
    "schemes": "bearer ",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_text_is_read_to_its_end(name: str) -> None:
    """
    A pattern that reads it anew from every sign would take hours.
    """
    redactor, piece = Redactor([TOKEN]), HOSTILE[name]
    shown = redactor.text(piece * (400_000 // len(piece)))
    assert TOKEN not in shown


def test_two_threads_may_add_secrets() -> None:
    redactor = Redactor()
    names = [[f"secret-{thread}-{number:04}" for number in range(40)] for thread in range(4)]

    def add(some: list[str]) -> None:
        for one in some:
            redactor.add([one])

    assert at_once(*(partial(add, some) for some in names)) == []
    text = " ".join(one for some in names for one in some)
    assert "secret-" not in redactor.text(text)
