"""Every setting of the services, read from the environment (prefix CQRS_) and nowhere else."""

from decimal import Decimal
from ipaddress import ip_address
from typing import Annotated, Literal, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from cqrs_demo.contract.format import EventFormat

Service = Literal["user-service", "order-service", "payment-service", "invoice-service"]

DEFAULT_PORTS: dict[str, int] = {
    "user-service": 8085,
    "order-service": 8086,
    "payment-service": 8088,
    "invoice-service": 8087,
}


_Read = TypeVar("_Read", bound=BaseSettings)


class SettingsError(Exception):
    """A setting is missing or malformed. The text is one line, fit for a terminal."""


def _postgres(url: str) -> str:
    if not url.startswith(("postgresql://", "postgres://")):
        raise ValueError("must look like postgresql://role:password@host:port/database")
    return _readable(url)


def _broker(url: str) -> str:
    if not url.startswith(("amqp://", "amqps://", "postgresql://", "postgres://")):
        raise ValueError("must begin with amqp:// (RabbitMQ) or postgresql:// (PGMQ)")
    return _readable(url)


def _readable(url: str) -> str:
    """Raises ValueError for a URL that its library would complain of later, and quote with its
    password, in logs and health checks."""
    from psycopg import (
        ProgrammingError,
    )  # here, because the CLI reads settings and seldom a database
    from psycopg.conninfo import conninfo_to_dict

    try:
        ports = (
            str(conninfo_to_dict(url).get("port", ""))
            if url.startswith("postgres")
            else str(urlsplit(url).port or "")
        )
    except (ProgrammingError, ValueError):
        ports = "unreadable"
    if not all(port.isdigit() for port in ports.split(",") if port):
        raise ValueError(
            "is not readable as a URL; in a password, write each of @ : / ? # % and space as its "
            "percent code, such as %40"
        )
    return url


def _token(token: SecretStr) -> SecretStr:
    if not all("!" <= character <= "~" for character in token.get_secret_value()):
        raise ValueError(
            "must be of printable ASCII characters without a space or line break: no other fits "
            "into a header"
        )
    return token


def _http(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise ValueError("must look like http://host:port/prefix")
    return url.rstrip("/")


PostgresUrl = Annotated[str, AfterValidator(_postgres)]
Token = Annotated[SecretStr, AfterValidator(_token)]


class Access(BaseSettings):
    """Who may call. The one setting of the services that `cqrs-demo up` reads, too, and hands on to
    them."""

    model_config = SettingsConfigDict(
        env_prefix="CQRS_", env_ignore_empty=True, hide_input_in_errors=True
    )

    api_token: Token | None = Field(
        None, min_length=16, description="bearer token every call must carry"
    )


class Rules(BaseSettings):
    """When an order needs credit, and how long it waits. `cqrs-demo up` hands them on, too."""

    model_config = SettingsConfigDict(
        env_prefix="CQRS_", env_ignore_empty=True, hide_input_in_errors=True
    )

    approval_from: Decimal = Field(
        Decimal("1000.00"), ge=0, description="orders from this amount on need credit"
    )
    payment_deadline: float = Field(
        10.0,
        gt=0,
        le=86_400,
        description="seconds for payment-service to answer before an order is rejected",
    )


class Wire(BaseSettings):
    """What events look like on their way. `cqrs-demo up` hands it on, too."""

    model_config = SettingsConfigDict(
        env_prefix="CQRS_", env_ignore_empty=True, hide_input_in_errors=True
    )

    event_format: EventFormat = Field(
        "json",
        description="how a service writes the events it publishes: json or avro. It reads both",
    )


class Settings(Access, Rules, Wire):
    """What a service needs to know. Each service reads its own database's DSN and ignores the
    others'."""

    user_db: PostgresUrl | None = Field(
        None, description="DSN of user-service's database, as role user_service"
    )
    order_db: PostgresUrl | None = Field(
        None, description="DSN of order-service's database, as role order_service"
    )
    payment_db: PostgresUrl | None = Field(
        None, description="DSN of payment-service's database, as role payment_service"
    )
    invoice_db: PostgresUrl | None = Field(
        None, description="DSN of invoice-service's database, as role invoice_service"
    )
    broker_url: Annotated[str, AfterValidator(_broker)] | None = Field(
        None, description="amqp://… or postgresql://…"
    )
    admin_db: PostgresUrl | None = Field(
        None, description="superuser DSN; only `cqrs-demo migrate` reads it"
    )
    user_service_url: Annotated[str, AfterValidator(_http)] = Field(
        "http://127.0.0.1:8085/system-api",
        description="user-service with its prefix; invoice-service reads its log there to replay",
    )
    order_service_url: Annotated[str, AfterValidator(_http)] = Field(
        "http://127.0.0.1:8086/order-service",
        description="order-service with its prefix; invoice-service reads its log there to replay",
    )
    payment_service_url: Annotated[str, AfterValidator(_http)] = Field(
        "http://127.0.0.1:8088/payment-service",
        description="payment-service with its prefix; `cqrs-demo verify --write-side` asks it",
    )
    host: str = Field("127.0.0.1", description="address to listen on")
    port: int | None = Field(
        None, ge=0, le=65535, description="port to listen on; each service has its default"
    )
    workshop: bool = Field(
        False, description="adds the controls that pause and step relay and consumer"
    )

    @model_validator(mode="after")
    def _a_token_beyond_loopback(self) -> Self:
        if self.api_token is None and not _is_loopback(self.host):
            raise ValueError(
                f"CQRS_API_TOKEN is required to listen on {self.host}: beyond this machine every "
                "call needs a token"
            )
        return self

    def need(self, name: str) -> str:
        """The value of a setting that has no default. Raises SettingsError when it is not set."""
        value = getattr(self, name)
        if value is None:
            raise SettingsError(
                f"CQRS_{name.upper()} is not set: {type(self).model_fields[name].description}"
            )
        return str(value)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def read_settings() -> Settings:
    """The settings in the environment. Raises SettingsError, one line, when one is malformed."""
    return _read(Settings)


def read_rules() -> dict[str, str]:
    """CQRS_APPROVAL_FROM and CQRS_PAYMENT_DEADLINE as they are set, to be handed on. Raises
    SettingsError when one is malformed."""
    return _set(_read(Rules))


def read_wire() -> dict[str, str]:
    """CQRS_EVENT_FORMAT as it is set, to be handed on. Raises SettingsError when it is neither."""
    return _set(_read(Wire))


def _set(read: BaseSettings) -> dict[str, str]:
    return {f"CQRS_{name.upper()}": str(getattr(read, name)) for name in read.model_fields_set}


def read_token() -> str | None:
    """CQRS_API_TOKEN, whatever else is in the environment. Raises SettingsError when it is
    malformed."""
    token = _read(Access).api_token
    return token.get_secret_value() if token else None


def _read(kind: type[_Read]) -> _Read:
    try:
        return kind()
    except ValidationError as error:
        first = error.errors()[0]
        name = f"CQRS_{str(first['loc'][0]).upper()}: " if first["loc"] else ""
        raise SettingsError(name + first["msg"].removeprefix("Value error, ")) from None
