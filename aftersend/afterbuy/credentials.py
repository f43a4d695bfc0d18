"""The keys of one merchant's Afterbuy account."""

from dataclasses import dataclass, field
from typing import Self

from aftersend.afterbuy.model import AFTERBUY
from aftersend.errors import SecretMissing
from aftersend.secrets import SecretFiles


@dataclass(frozen=True, slots=True)
class AfterbuyCredentials:
    """The token pair, and the PartnerID that some accounts require in addition. ``repr`` shows none of it."""

    partner_token: str = field(repr=False)
    account_token: str = field(repr=False)
    partner_id: str = field(default="", repr=False)

    @classmethod
    def read(cls, files: SecretFiles) -> Self:
        """Read them from the tenant's ``afterbuy`` folder; ``SecretMissing`` names the missing file.

        It is an error of this upstream: missing keys stop the calls just like refused ones.
        """
        try:
            partner_token, account_token = files.all_of("partnerToken", "accountToken")
            return cls(partner_token, account_token, files.optional("partnerId"))
        except SecretMissing as error:
            error.upstream = AFTERBUY
            raise
