"""Marked values: one for every field that holds something personal, a product, or a secret.

Each is a word that occurs nowhere else, so finding it (or one of its spellings) anywhere proves where it came from.
Words with letters outside ASCII are among them, because those are escaped differently; words of digits, too, because
what reads numbers treats them differently.
"""

from base64 import b64decode
from typing import Final

PEOPLE: Final = {
    "first name": "Zwxkäthe",
    "last name": "Zwxvögelchen",
    "company": "Zwxgefieder-GmbH",
    "street": "Zwxkanarengasse",
    "second line": "Zwxhinterhaus",
    "city": "Zwxköllnstadt",
    "state": "Zwxbundesland",
    "zip": "7130625498",
    "mail": "zwxkanaria@zwxvogelhaus.example",
    "phone": "0719380462501",
    "vat id": "ATU71938046",
    "note": "Zwxbitteklingeln",
    "held": "Zwxliegtbeimnachbarn",
}
GOODS: Final = {
    "article": "Zwxnistkasten",
    "sku": "ZWX-SKU-8801",
    "ean": "4071938046254",
    "product": "71938046377",
    "price": "7193804.63",
    "tariff": "Zwxzolltarif",
}
PARCELS: Final = {
    "number": "ZWXJD000719380",
    "link": "zwxtrack.example",
    "carrier": "zwx_carrier_post",
    "foreign number": "ZWXFREMD719380",
    "foreign order": "Zwxfremdauftrag",
}
SECRETS: Final = {
    "partner token": "Zwx-partner-token-5501",
    "account token": "Zwx-account-token-5502",
    "public key": "Zwx-public-key-5503",
    "secret key": "Zwx-secret-key-5504",
    "older secret key": "Zwx-older-key-5505",
    "signature key": "Zwx-signature-key-5506",
    "redis password": "Zwx-redis-password-5507",
    "data key": "Zwxdatakey+0000111022203330444055506660777x=",
    "fingerprint": "Zwxfingerprint+00111022203330444055506660x7=",
    "broken secret": "Zwx-broken-secret-5508",
}
ODD: Final = {
    "odd value": "Zwxunsinnswert",
    "quoted": "Zwxquotedvalue",
    "header": "Zwx-header-6601",
    "query": "Zwx-query-6602",
    "path": "zwx-path-6603",
    "lower word": "zwxkleinbuchstaben",
}
"""What stands where nothing of the kind belongs: in malformed input, in error texts of others, around requests."""

_RAW: Final = {f"raw {name}": b64decode(SECRETS[name]).decode("latin-1") for name in ("data key", "fingerprint")}

MARKS: Final = {**PEOPLE, **GOODS, **PARCELS, **SECRETS, **ODD, **_RAW}
"""Field -> word; no word is part of another one."""
