"""The webhook service: verify a webhook of Sendcloud, store its event, then answer.

It listens on the public address for ``spec.webhook.path`` and nothing else, needs no Afterbuy and no Sendcloud, and
keeps storing events while the tenant is suspended. Without a signature key it runs, answers 503 and is not ready. What
it stores is sealed with a public key (``sealing.SealKeyring``): it has no key that opens it again.
"""

import re
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

from aftersend.errors import Misconfigured
from aftersend.sealing import SealKeyring
from aftersend.secrets import SecretFiles
from aftersend.sendcloud.credentials import SignatureKeys
from aftersend.service.run import run_part
from aftersend.service.runtime import Part, Runtime
from aftersend.stream.stream import Stream
from aftersend_webhook.handler import WebhookHandler

_CERTIFICATE: Final = re.compile(r"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]{1,16384}-----END CERTIFICATE-----")
"""The first of a chain; whatever else stands in the file is not shown."""


async def serve(runtime: Runtime) -> None:
    """Receive for one tenant until ``runtime.stop`` is set."""
    keys = runtime.secrets("sendcloud")
    seals = SealKeyring(runtime.secrets("seal-key"), runtime.secrets("data-key"))
    handler = WebhookHandler(
        tenant=runtime.identity,
        keys=keys,
        stream=Stream(runtime.redis, tenant=runtime.identity, name="parcels", keyring=runtime.keyring, seals=seals),
        metrics=runtime.metrics,
    )

    async def ready() -> None:
        SignatureKeys.read(keys).check()

    async def seal_key_usable() -> None:
        seals.check()

    runtime.health.set_fact("webhooks", handler.recent.fact)
    runtime.health.set_fact("certificate", partial(_certificate, runtime.settings.secrets_dir / "webhook-tls"))
    runtime.health.set_fact("webhooksRefusedSince", handler.recent.refused_since)
    runtime.health.add_ready_check("signature-key", ready)
    runtime.health.add_ready_check("seal-key", seal_key_usable)
    runtime.public.mount(runtime.tenant.spec.webhook.path, handler.handle)
    await runtime.stop.wait()


def _certificate(folder: Path) -> str:
    """Return the certificate of the public host, which a tenant's pod mounts without its key; empty elsewhere."""
    with suppress(Misconfigured):
        found = _CERTIFICATE.search(SecretFiles(folder).optional("tls.crt"))
        return found[0] if found else ""
    return ""


PART = Part("webhook", serve)


def main() -> None:
    """Run the console script ``aftersend-webhook``."""
    sys.exit(run_part(PART))
