"""What the Freedom Service may answer, and what is made of it: only what is certainly a success counts as one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bposync import secrets
from bposync.accounting.freedom_answers import (
    Answer,
    AnswerError,
    check_written,
    exists_of,
    list_of,
    object_of,
    one_line,
)
from bposync.values import visible

if TYPE_CHECKING:
    from collections.abc import Callable

JSON = "application/json; charset=utf-8"
FAULT = (
    '<Fault xmlns="http://schemas.microsoft.com/ws/2005/05/envelope/none"><Code><Value>Receiver</Value></Code><Reason>'
    '<Text xml:lang="en-US">The group &lt;X&gt; is\n not there</Text></Reason></Fault>'
)


def answer(body: Any, status: int = 200, content_type: str = JSON) -> Answer:
    raw = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return Answer(status, content_type, raw)


@pytest.mark.parametrize(
    "body",
    [
        {"HasError": False},
        {"HasError": False, "Errors": []},
        {"CustomerInsertResult": {"HasError": False, "Messages": None}},
        b"\xef\xbb\xbf" + b'{"HasError": false}',
    ],
)
def test_a_validation_result_without_error_is_written(body: Any) -> None:
    check_written(answer(body), "CustomerInsert")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"HasError": True, "Errors": ["Code is required", "Name is too long"]}, "Code is required; Name is too long"),
        ({"HasError": True, "Items": [{"Message": "A\r\n\tB", "Level": 2}, {"Message": "C"}]}, "A B; C"),
        ({"CustomerInsertResult": {"Message": "No", "HasError": True}}, "No"),
        ({"HasError": True, "Errors": ["x", "x"]}, "x"),
        ({"HasError": True, "Errors": ["\x1b[31mred\u202e"]}, "\\x1b[31mred\\u202e"),
        ({"HasError": True}, "it gave no reason"),
    ],
)
def test_a_validation_result_with_errors_is_refused_with_every_message_in_one_line(body: Any, told: str) -> None:
    with pytest.raises(AnswerError) as caught:
        check_written(answer(body), "CustomerInsert")
    assert (caught.value.message, caught.value.refused) == (f"Evolution refused: {told}", True)


@pytest.mark.parametrize(
    ("given_", "refused", "told"),
    [
        (answer(FAULT, 500, "application/xml"), True, "the service refused: The group <X> is not there"),
        (answer(FAULT, 200, "text/plain"), True, "the service refused: The group <X> is not there"),
        (answer(json.dumps(FAULT)), True, "the service refused: The group <X> is not there"),
        (answer(f'<?xml version="1.0"?>\n<s:Fault>{"x" * 400}</s:Fault>', 500), True, f"the service refused: {'x' * 299}…"),
        (answer({"faultstring": "Bad agent", "faultcode": "s:Client"}, 500), True, "the service refused: Bad agent"),
        (answer({"ExceptionType": "NullReference", "Message": "Object reference"}, 500), True, "refused: Object reference"),
        (answer("<html><head><title>Oops</title><style>p{}</style></head><p>down", 502, "text/html"), False, "502: Oops down"),
        (answer("", 200), False, "the service answered 200 with nothing in it"),
        (answer("", 500), False, "the service answered 500"),
        (answer("busy", 408, "text/plain"), False, "the service answered 408: busy"),
        (answer("no", 400, "text/plain"), True, "the service answered 400: no"),
        (answer("", 413), True, "the service answered 413"),
        (Answer(302, "text/html", b"", "https://login.example/x"), False, "answered 302: leads to https://login.example/x"),
        (answer('{"HasError": false', 200), False, "the service answered with what is no JSON, or not all of it"),
        (answer('{"HasError": false}', 200, "text/html"), False, "the service answered with text/html in place of JSON"),
        (answer('{"HasError": false}', 200, ""), False, "the service answered with no content type in place of JSON"),
        (answer('{"HasError": "false"}'), False, "CustomerInsert answered with what is no ValidationResult"),
        (answer('{"HasError": 0}'), False, "CustomerInsert answered with what is no ValidationResult"),
        (answer("null"), False, "CustomerInsert answered with what is no ValidationResult"),
        (answer("true"), False, "CustomerInsert answered with what is no ValidationResult"),
        (answer("[" * 100000), False, "the service answered with what is no JSON, or not all of it"),
        (answer('{"a": NaN, "HasError": false}'), False, "the service answered with what is no JSON"),
        (answer('{"a": 1e999, "HasError": false}'), False, "the service answered with what is no JSON"),
    ],
)
def test_everything_else_is_no_success_and_told_in_one_line(given_: Answer, refused: bool, told: str) -> None:  # noqa: FBT001
    with pytest.raises(AnswerError) as caught:
        check_written(given_, "CustomerInsert")
    assert told in caught.value.message
    assert caught.value.refused is refused
    assert "\n" not in caught.value.message


def refusal(function: Callable[[], object]) -> str | None:
    """Give what an answer was refused with; None where it was not."""
    try:
        function()
    except AnswerError as error:
        return error.message
    return None


_BODIES = st.one_of(
    st.binary(max_size=200),
    st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["HasError", "hasError", "Errors", "CustomerInsertResult", "Fault", "Code"]), inner
            )
        ),
        max_leaves=8,
    ).map(lambda found: json.dumps(found).encode()),
    st.integers(0, 20).map(lambda length: b'{"HasError": false}'[:length]),
)


@given(
    body=_BODIES,
    status=st.sampled_from([200, 201, 204, 302, 400, 401, 404, 408, 500, 502, 503]),
    content_type=st.sampled_from([JSON, "text/html", "application/xml", "", "text/json"]),
)
@example(body=b'{"HasError": false}', status=200, content_type=JSON)
@example(body=b'{"HasError": false}', status=500, content_type=JSON)
def test_garbage_is_never_a_success(body: bytes, status: int, content_type: str) -> None:
    said = refusal(lambda: check_written(Answer(status, content_type, body), "CustomerInsert"))
    if said is not None:
        assert said == visible(said)
        assert len(said) < 500
        return
    found = json.loads(body.decode("utf-8-sig"))
    found = found.get("CustomerInsertResult", found) if set(found) == {"CustomerInsertResult"} else found
    assert found["HasError"] is False
    assert 200 <= status < 300
    assert "json" in content_type


@given(body=_BODIES, status=st.sampled_from([200, 404, 500]))
def test_garbage_is_never_taken_for_an_account_or_for_none(body: bytes, status: int) -> None:
    given_ = Answer(status, JSON, body)
    for read, kind in ((exists_of, bool), (list_of, list), (lambda found: object_of(found, "CustomerFind"), dict | None)):
        found: list[object] = []
        said = refusal(lambda: found.append(read(given_)))  # noqa: B023 - called at once
        if said is not None:
            assert said == visible(said)
            continue
        assert status == 200
        assert isinstance(found[0], kind)


@pytest.mark.parametrize("body", ["true", "false", '{"CustomerExistsResult": true}'])
def test_customer_exists_is_true_or_false(body: str) -> None:
    assert exists_of(answer(body)) is ("true" in body)


@pytest.mark.parametrize("body", ['"true"', "1", "null", "{}", "[]", '{"Exists": true}'])
def test_anything_else_does_not_say_whether_a_customer_exists(body: str) -> None:
    with pytest.raises(AnswerError, match="neither true nor false"):
        exists_of(answer(body))


@pytest.mark.parametrize("body", ["null", "{}"])
def test_a_find_may_answer_that_there_is_none(body: str) -> None:
    assert object_of(answer(body), "AreaFind") is None


@pytest.mark.parametrize("body", ["[]", "1", '{"ID": 1}', '{"Code": 5}', '{"Code": " "}'])
def test_a_find_that_answers_with_something_without_a_code_is_an_error(body: str) -> None:
    with pytest.raises(AnswerError, match="no Code"):
        object_of(answer(body), "AreaFind")


def test_no_secret_is_in_what_the_service_said() -> None:
    secrets.register("sentinel-9f2c")
    with pytest.raises(AnswerError) as caught:
        check_written(answer("agent bposync:sentinel-9f2c was refused", 500, "text/plain"), "CustomerInsert")
    assert "sentinel" not in caught.value.message
    assert "***" in caught.value.message


def test_what_is_said_is_cut_to_a_line_that_people_can_read() -> None:
    assert one_line("a\n" * 1000) == " ".join(["a"] * 150)[:299] + "…"
