"""Strict input: whatever a stranger sends is stored as it is or refused with a 4xx that says why.
Never a 500."""

import json
import re
import unicodedata
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cqrs_demo.input import NOT_BLANK
from tests.fixtures.answers import assert_problem
from tests.fixtures.shared_shop import fresh_email
from tests.fixtures.shop import Shop

ORDER = {"user_id": 1, "description": "Widget", "amount": 5}
LIMIT = 64 * 1024


def place(shop: Shop, body: bytes) -> httpx.Response:
    return shop.client.post(
        shop.urls["order-service"] + "/orders",
        content=body,
        headers={"Content-Type": "application/json"},
    )


def order(**raw: str) -> bytes:
    """An order with some fields written as they stand: order(amount="1e400")."""
    fields = {name: json.dumps(value) for name, value in ORDER.items()} | raw
    return ("{" + ", ".join(f'"{name}": {value}' for name, value in fields.items()) + "}").encode(
        "utf-8", "surrogatepass"
    )


NO_JSON = {
    "nothing but a space": b" ",
    "half an object": b'{"user_id": 1',
    "two values": order() + b" {}",
    "a trailing comma": b'{"user_id": 1,}',
    "single quotes": b"{'user_id': 1}",
    "a comment": b"{} // mine",
    "10,000 brackets": b"[" * 10_000,
    "10,000 nested objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "no UTF-8": b'{"description": "\xff\xfe"}',
    "UTF-16": order().decode().encode("utf-16"),
    "UTF-32": order().decode().encode("utf-32-le"),
    "a byte order mark": b"\xef\xbb\xbf" + order(),
    "a raw line break in a text": order(description='"a\nb"'),
    "NaN": order(amount="NaN"),
    "Infinity": order(amount="-Infinity"),
    "a field twice": order(amount="1").replace(b"{", b'{"amount": 1, '),
    "an integer of 5,000 digits": order(amount="9" * 5_000),
    "an exponent of twenty digits": order(amount="1e99999999999999999999"),
    "a leading zero": order(amount="007"),
    "hexadecimal": order(user_id="0x10"),
}


@pytest.mark.parametrize("body", NO_JSON.values(), ids=NO_JSON)
def test_what_is_no_json_is_a_400(shared_shop: Shop, body: bytes) -> None:
    assert_problem(place(shared_shop, body), 400, "malformed-json")


@pytest.mark.parametrize("body", [b"null", b"[]", b"[{}]", b"1", b"1.5", b"true", b'"order"'])
@pytest.mark.parametrize("path", ["/orders", "/relay/step"])
def test_json_that_is_no_object_is_a_422(shared_shop: Shop, path: str, body: bytes) -> None:
    answer = shared_shop.client.post(
        shared_shop.urls["order-service"] + path,
        content=body,
        headers={"Content-Type": "application/json"},
    )
    assert_problem(answer, 422, "invalid-request")


WRONG = {
    "amount": {
        "negative": "-1",
        "zero": "0",
        "zero with decimals": "0.00",
        "minus zero": "-0.0",
        "three decimals": "1.001",
        "more decimals than a float has": "100.10000000000000001",
        "13 digits": "10000000000.00",
        "ten to the 30": "1" + "0" * 30,
        "1e400": "1e400",
        "1e-400": "1e-400",
        "text": '"50.00"',
        "a boolean": "true",
        "null": "null",
        "a list": "[5]",
        "an object": '{"value": 5}',
    },
    "user_id": {
        "zero": "0",
        "negative": "-1",
        "2^63": str(2**63),
        "ten to the 30": "1" + "0" * 30,
        "a float": "1.0",
        "a fraction": "1.5",
        "an exponent": "1e3",
        "text": '"1"',
        "true": "true",
        "null": "null",
    },
    "description": {
        "a number": "5",
        "null": "null",
        "empty": '""',
        "blank": '" \\t\\u00a0\\u3000"',
        "a NUL": '"a\\u0000b"',
        "half a surrogate pair": '"\\ud800"',
        "the other half": '"\\udc00 x"',
        "2,001 characters": json.dumps("x" * 2_001),
    },
    "purchase_dt": {
        "a number": "1743674400",
        "a number in a text": '"1743674400"',
        "a date": '"2025-04-03"',
        "naive": '"2025-04-03T10:00:00"',
        "no seconds": '"2025-04-03T10:00Z"',
        "a space": '"2025-04-03 10:00:00Z"',
        "31 April": '"2025-04-31T10:00:00Z"',
        "29 February of no leap year": '"2025-02-29T10:00:00Z"',
        "month 13": '"2025-13-01T10:00:00Z"',
        "month 0": '"2025-00-01T10:00:00Z"',
        "year 0": '"0000-04-03T10:00:00Z"',
        "year 10000": '"10000-04-03T10:00:00Z"',
        "24 o'clock": '"2025-04-03T24:00:00Z"',
        "a leap second": '"2016-12-31T23:59:60Z"',
        "an offset of 99 hours": '"2025-04-03T10:00:00+99:00"',
        "after year 9999 in UTC": '"9999-12-31T23:59:59-05:00"',
        "before year 1 in UTC": '"0001-01-01T00:00:00+01:00"',
        "other digits": '"２０２５-04-03T10:00:00Z"',
        "a boolean": "false",
    },
    "colour": {"an unknown field": '"red"'},
    "purchase_date": {"a misspelt field": '"2025-04-03T10:00:00Z"'},
}


@pytest.mark.parametrize(
    ("field", "raw"),
    [
        pytest.param(f, r, id=f"{f}: {what}")
        for f, cases in WRONG.items()
        for what, r in cases.items()
    ],
)
def test_a_wrong_value_is_a_422_that_names_the_field(
    shared_shop: Shop, field: str, raw: str
) -> None:
    answer = place(shared_shop, order(**{field: raw}))
    assert_problem(answer, 422, "invalid-request")
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_a_command_without_a_body_is_a_422(shared_shop: Shop) -> None:
    assert_problem(place(shared_shop, b""), 422, "invalid-request")


@pytest.mark.parametrize("missing", ORDER)
def test_a_missing_field_is_a_422_that_names_it(shared_shop: Shop, missing: str) -> None:
    answer = shared_shop.post(
        "order-service",
        "/orders",
        {name: value for name, value in ORDER.items() if name != missing},
    )
    assert_problem(answer, 422, "invalid-request")
    assert answer.json()["errors"] == [{"field": missing, "message": "Field required"}]


def test_every_wrong_field_is_named_at_once(shared_shop: Shop) -> None:
    answer = shared_shop.post(
        "order-service", "/orders", {"user_id": "1", "amount": -1, "colour": "red"}
    )
    assert {error["field"] for error in answer.json()["errors"]} == {
        "user_id",
        "description",
        "amount",
        "colour",
    }


def test_a_field_whose_name_is_half_a_surrogate_pair_is_refused(shared_shop: Shop) -> None:
    assert_problem(place(shared_shop, b'{"\\ud800": 1}'), 422, "invalid-request")


@pytest.mark.parametrize(
    "email",
    [
        "alice",
        "alice@",
        "@demo.com",
        "a@b",
        "a@@demo.com",
        "a b@demo.com",
        " alice@demo.com",
        "alice@demo.com ",
        "alice@demo.com\n",
        "Alice <alice@demo.com>",
        "alice@demo..com",
        "alice@-demo.com",
        "alice@[127.0.0.1]",
        "alice@localhost",
        "\0@demo.com",
        "\ud800@demo.com",
        "a\ud800b",
        "alice@demo.com\r\nBcc: all@demo.com",
        "alice@" + "d" * 250 + ".com",
        "",
        " ",
        5,
        None,
        ["alice@demo.com"],
    ],
)
def test_an_invalid_email_is_refused(shared_shop: Shop, email: Any) -> None:
    body = json.dumps({"name": "Alice", "email": email})
    answer = shared_shop.client.post(
        shared_shop.urls["user-service"] + "/users",
        content=body,
        headers={"Content-Type": "application/json"},
    )
    assert_problem(answer, 422, "invalid-request")
    assert answer.json()["errors"][0]["field"] == "email"


@pytest.mark.parametrize(
    ("field", "most"), [("address1", 200), ("city", 200), ("state", 200), ("zip", 20)]
)
def test_a_text_may_be_as_long_as_its_field_allows_and_no_longer(
    shared_shop: Shop, field: str, most: int
) -> None:
    user_id = shared_shop.create_user("Alice", fresh_email()).json()["id"]
    assert shared_shop.create_account(user_id, **{field: "🦄" * most}).json()[field] == "🦄" * most
    answer = shared_shop.create_account(user_id, **{field: "x" * (most + 1)})
    assert_problem(answer, 422, "invalid-request")
    assert answer.json()["errors"][0]["field"] == field


TEXTS = {
    "emoji": "👩‍👩‍👧‍👦 🏳️‍🌈 🦄",
    "right to left": "שלום עולם — مرحبا بالعالم \u202eabc\u202c",
    "combining marks": "e\u0301 a\u0308\u0323 Z\u0351\u036b\u0343",
    "composed and decomposed": "é e\u0301",
    "beyond the basic plane": "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𠜎",
    "control characters": "tab\there, line\nbreak, bell\x07, delete\x7f, next line\x85",
    "quotes and SQL": "'; drop table demo.orders; -- \" \\ $$ %s {} \\u0000",
    "markup": "<script>alert(1)</script> &amp;",
    "a byte order mark inside": "a\ufeffb \ufffe \uffff",
    "as long as it may be": "ü" * 2_000,
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_any_text_a_user_may_type_comes_back_as_it_was_typed(shared_shop: Shop, text: str) -> None:
    # When it is sent
    placed = shared_shop.place_order(1, what=text)
    user = shared_shop.create_user(text[:200], fresh_email())

    # Then the answers, the rows and the event have it, character by character
    assert placed.json()["description"] == text
    assert (
        shared_shop.get("order-service", f"/orders/{placed.json()['id']}").json()["description"]
        == text
    )
    assert (
        shared_shop.get("user-service", f"/users/{user.json()['id']}").json()["name"] == text[:200]
    )
    [(event_text,)] = shared_shop.databases.rows(
        "order_service",
        "select data ->> 'description' from demo.events where id = %s",
        placed.headers["x-event-id"],
    )
    assert event_text == text


def test_any_text_comes_back_on_the_invoice(shared_shop: Shop) -> None:
    user_id = shared_shop.create_user("Zoë", fresh_email()).json()["id"]
    for number, text in enumerate(TEXTS.values()):
        placed = shared_shop.place_order(user_id, when=f"2025-04-01T00:00:{number:02}Z", what=text)
    invoice = shared_shop.invoice(user_id, after_event=placed.headers["x-event-id"], wait=15).json()
    assert [line["description"] for line in invoice["orders"]] == list(TEXTS.values())


def test_an_email_is_kept_composed_so_that_one_mailbox_looks_one_way(shared_shop: Shop) -> None:
    composed = "zoë." + fresh_email()
    decomposed = unicodedata.normalize("NFD", composed)
    assert decomposed != composed
    assert shared_shop.create_user("Zoë", decomposed).json()["email"] == composed
    assert_problem(shared_shop.create_user("Zoë", composed.upper()), 409, "email-taken")


def padded_to(length: int) -> bytes:
    body = order()
    return body[:-1] + b" " * (length - len(body)) + b"}"


def in_chunks(body: bytes) -> Any:
    return (body[start : start + 1000] for start in range(0, len(body), 1000))


def test_a_body_of_exactly_64_kib_is_taken(shared_shop: Shop) -> None:
    url, headers = (
        shared_shop.urls["order-service"] + "/orders",
        {"Content-Type": "application/json"},
    )
    assert (
        shared_shop.client.post(url, content=padded_to(LIMIT), headers=headers).status_code == 201
    )
    assert (
        shared_shop.client.post(
            url, content=in_chunks(padded_to(LIMIT)), headers=headers
        ).status_code
        == 201
    )


def test_a_body_of_one_byte_more_is_a_413(shared_shop: Shop) -> None:
    url, headers = (
        shared_shop.urls["order-service"] + "/orders",
        {"Content-Type": "application/json"},
    )
    assert_problem(
        shared_shop.client.post(url, content=padded_to(LIMIT + 1), headers=headers),
        413,
        "content-too-large",
    )
    assert_problem(
        shared_shop.client.post(url, content=in_chunks(padded_to(LIMIT + 1)), headers=headers),
        413,
        "content-too-large",
    )


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["1", "2025-04-03T10:00:00Z", "a@demo.com"])
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
orders = st.fixed_dictionaries(
    {}, optional=dict.fromkeys((*ORDER, "purchase_dt", "extra"), values)
) | st.fixed_dictionaries(
    {"user_id": st.integers(), "description": st.text(), "amount": st.integers() | st.floats()}
)


@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
@given(
    body=orders.map(lambda value: json.dumps(value).encode())
    | st.binary(max_size=200)
    | values.map(lambda value: json.dumps(value).encode())
)
def test_whatever_comes_is_taken_or_refused_and_never_an_error_of_ours(
    shared_shop: Shop, body: bytes
) -> None:
    answer = place(shared_shop, body)
    if answer.status_code == 201:
        assert answer.json()["description"] == json.loads(body)["description"]
    else:
        assert_problem(answer, answer.status_code, answer.json()["code"])
        assert answer.status_code in (400, 422)


def test_the_schema_and_the_services_agree_on_what_is_blank() -> None:
    assert r"\s" not in NOT_BLANK, (
        "which is one set of characters in Python, another in JavaScript, and a third in Rust"
    )
    characters = map(chr, range(1, 0x10000))
    assert [
        character
        for character in characters
        if bool(character.strip()) != bool(re.search(NOT_BLANK, character))
    ] == []
