"""Settings come from the environment, and what is wrong with them is said in one line that shows no
secret."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqrs_demo.settings import SettingsError, read_rules, read_settings, read_wire

SECRET = "s3cr3t-P4ssw0rd"


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever this machine has set."""
    import os

    for name in [name for name in os.environ if name.startswith("CQRS_")]:
        monkeypatch.delenv(name)


def refusal() -> str:
    with pytest.raises(SettingsError) as refused:
        read_settings()
    text = str(refused.value)
    assert "\n" not in text
    assert SECRET not in text
    return text


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "192.168.1.5", "example.com", "10.0.0.1", "127.0.0.1.example.com"]
)
def test_beyond_loopback_a_token_is_required(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("CQRS_HOST", host)
    assert refusal().startswith(f"CQRS_API_TOKEN is required to listen on {host}")

    monkeypatch.setenv("CQRS_API_TOKEN", SECRET * 2)
    assert read_settings().host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_on_loopback_it_is_not(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("CQRS_HOST", host)
    assert read_settings().api_token is None


@pytest.mark.parametrize(
    ("token", "why"),
    [
        ("short", "16"),
        ("two words of a token", "space"),
        ("a-token-from-a-file\n", "line break"),
        ("ein-sehr-schönes-Zeichen", "ASCII"),
    ],
)
def test_a_token_that_could_not_be_sent_is_refused(
    monkeypatch: pytest.MonkeyPatch, token: str, why: str
) -> None:
    monkeypatch.setenv("CQRS_API_TOKEN", token)
    text = refusal()
    assert text.startswith("CQRS_API_TOKEN: ")
    assert why in text
    assert token not in text


@pytest.mark.parametrize(
    "url",
    [
        f"mysql://u:{SECRET}@h/db",
        SECRET,
        f"postgresql://u:{SECRET}%zz@h/db",
        f"postgresql://u:{SECRET} x@h/db",
        f"postgresql://u:{SECRET}/x@h:5432/db",
        f"postgresql://u:p@x:{SECRET}@h/db",
        f"postgresql://u:{SECRET}@[::1/db",
        f"postgresql://u@h/db?port={SECRET}",
        f"postgresql://u@h/db?{SECRET}=1",
    ],
)
@pytest.mark.parametrize(
    "name", ["CQRS_USER_DB", "CQRS_ORDER_DB", "CQRS_INVOICE_DB", "CQRS_BROKER_URL"]
)
def test_a_malformed_url_is_refused_without_showing_its_password(
    monkeypatch: pytest.MonkeyPatch, name: str, url: str
) -> None:
    monkeypatch.setenv(name, url)
    assert refusal().startswith(f"{name}: ")


@pytest.mark.parametrize(
    "url",
    [f"amqp://u:{SECRET}/x@h:5672/", f"amqp://u:{SECRET}@h:{SECRET}/", f"amqps://u:{SECRET}@[::1/"],
)
def test_a_malformed_broker_url_is_refused_without_showing_its_password(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("CQRS_BROKER_URL", url)
    assert refusal().startswith("CQRS_BROKER_URL: ")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://order_service:p%40ss%2Fword@localhost:5432/order_service",
        "postgres://u:p@one:5432,two:5433/db?target_session_attrs=read-write",
        "postgresql://u@%2Fvar%2Frun%2Fpostgresql/db",
        "postgresql://u:p@[::1]:5432/db",
    ],
)
def test_the_ways_postgresql_urls_are_written_are_taken(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("CQRS_ORDER_DB", url)
    assert read_settings().order_db == url


@pytest.mark.parametrize(
    "name", ["CQRS_USER_DB", "CQRS_ORDER_DB", "CQRS_INVOICE_DB", "CQRS_BROKER_URL"]
)
def test_a_missing_setting_is_named_with_what_it_is_for(name: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name} is not set: .+") as refused:
        read_settings().need(name.removeprefix("CQRS_").lower())
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CQRS_PORT", "http"),
        ("CQRS_PORT", "65536"),
        ("CQRS_PORT", "-1"),
        ("CQRS_WORKSHOP", "perhaps"),
    ],
)
def test_a_malformed_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    assert refusal().startswith(f"{name}: ")


def test_an_empty_variable_is_one_that_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CQRS_API_TOKEN", "CQRS_PORT", "CQRS_HOST"):
        monkeypatch.setenv(name, "")
    settings = read_settings()
    assert (settings.api_token, settings.port, settings.host) == (None, None, "127.0.0.1")


def outcome() -> str:
    """What is said of the settings as they are: nothing when all is well."""
    try:
        read_settings()
    except SettingsError as error:
        return str(error)
    return ""


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=60))
def test_whatever_a_url_is_it_is_answered_in_one_line(text: str) -> None:
    for start in ("", "postgresql://u:", "amqp://"):
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("CQRS_BROKER_URL", start + text)
            assert len(outcome().splitlines()) <= 1


def test_the_rules_that_are_set_are_handed_on_and_no_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CQRS_PAYMENT_DEADLINE", raising=False)
    monkeypatch.setenv("CQRS_APPROVAL_FROM", "250.50")
    assert read_rules() == {"CQRS_APPROVAL_FROM": "250.50"}


@pytest.mark.parametrize(
    ("name", "value"),
    [("APPROVAL_FROM", "much"), ("APPROVAL_FROM", "-1"), ("PAYMENT_DEADLINE", "0")],
)
def test_a_rule_that_makes_no_sense_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"CQRS_{name}", value)
    with pytest.raises(SettingsError, match=f"CQRS_{name}"):
        read_rules()


def test_the_format_of_events_is_json_unless_told_and_one_of_two(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CQRS_EVENT_FORMAT", raising=False)
    assert (read_settings().event_format, read_wire()) == ("json", {})
    monkeypatch.setenv("CQRS_EVENT_FORMAT", "avro")
    assert (read_settings().event_format, read_wire()) == ("avro", {"CQRS_EVENT_FORMAT": "avro"})
    monkeypatch.setenv("CQRS_EVENT_FORMAT", "protobuf")
    with pytest.raises(SettingsError, match=r"CQRS_EVENT_FORMAT: .*'json' or 'avro'"):
        read_wire()
