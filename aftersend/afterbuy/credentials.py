"""The keys of one merchant's Afterbuy account."""

from dataclasses import dataclass, field
from typing import Self

from aftersend.afterbuy.model import AFTERBUY
from aftersend.errors import SecretMissing
from aftersend.secrets import SecretFiles


@dataclass(frozen=True, slots=True)
class AfterbuyCredentials:
    """The token pair, and the PartnerID that some accounts want in addition. ``repr`` shows none of it."""

    partner_token: str = field(repr=False)
    account_token: str = field(repr=False)
    partner_id: str = field(default="", repr=False)

    @classmethod
    def read(cls, files: SecretFiles) -> Self:
        """From the tenant's ``afterbuy`` folder; ``SecretMissing`` names the file that is missing.

        It is an error of this upstream: keys that are not there stop the calls just like keys that are refused.
        """
        try:
            partner_token, account_token = files.all_of("partnerToken", "accountToken")
            return cls(partner_token, account_token, files.optional("partnerId"))
        except SecretMissing as error:
            error.upstream = AFTERBUY
            raise
