"""The keys of one merchant's Sendcloud integration, and those that sign its webhooks."""

from base64 import b64encode
from dataclasses import dataclass, field
from typing import Final, Self

from aftersend.errors import Misconfigured, SecretMissing
from aftersend.secrets import SecretFiles
from aftersend.sendcloud.model import SENDCLOUD

MIN_SIGNATURE_KEY: Final = 16
"""Characters. The webhook signature key is typed by a person, and a short one is found by trying."""


@dataclass(frozen=True, slots=True)
class SendcloudCredentials:
    """The key pair of HTTP Basic. ``repr`` shows none of it."""

    public_key: str = field(repr=False)
    secret_key: str = field(repr=False)

    @classmethod
    def read(cls, files: SecretFiles) -> Self:
        """Read them from the tenant's ``sendcloud`` folder; of several secret keys (one per line) the first is used.

        ``SecretMissing`` names the missing file, and this upstream: missing keys stop the calls just like refused ones.
        """
        try:
            public_key, _ = files.all_of("publicKey", "secretKey")
            return cls(public_key, files.lines("secretKey")[0])
        except SecretMissing as error:
            error.upstream = SENDCLOUD
            raise

    @property
    def authorization(self) -> str:
        """The value of the ``Authorization`` header."""
        return "Basic " + b64encode(f"{self.public_key}:{self.secret_key}".encode()).decode()


@dataclass(frozen=True, slots=True)
class SignatureKeys:
    """The keys that may have signed a webhook: every line of webhookSignatureKey and secretKey. ``repr`` shows none."""

    usable: tuple[bytes, ...] = field(repr=False)
    too_short: int
    """How many of webhookSignatureKey are ignored, because they have fewer than ``MIN_SIGNATURE_KEY`` characters."""

    @classmethod
    def read(cls, files: SecretFiles) -> Self:
        """Read them from the tenant's ``sendcloud`` folder; a file that cannot be read counts as empty."""
        own = _lines(files, "webhookSignatureKey")
        long_enough = [key for key in own if len(key) >= MIN_SIGNATURE_KEY]
        keys = [key.encode() for key in (*long_enough, *_lines(files, "secretKey"))]
        return cls(tuple(dict.fromkeys(keys)), len(own) - len(long_enough))

    def check(self) -> None:
        """Raise ``Misconfigured`` if there is no key to verify with."""
        if not self.usable:
            short = f": {self.too_short} in webhookSignatureKey too short" if self.too_short else ""
            raise Misconfigured(
                f"no key to verify webhooks{short}",
                path="sendcloud",
                cure=f"store webhookSignatureKey ({MIN_SIGNATURE_KEY} characters or more) or secretKey in that folder",
            )


def _lines(files: SecretFiles, name: str) -> tuple[str, ...]:
    try:
        return files.lines(name)
    except Misconfigured:
        return ()
