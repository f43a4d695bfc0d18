"""The keys of one merchant's Sendcloud integration."""

from base64 import b64encode
from dataclasses import dataclass, field
from typing import Self

from aftersend.errors import SecretMissing
from aftersend.secrets import SecretFiles
from aftersend.sendcloud.model import SENDCLOUD


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
