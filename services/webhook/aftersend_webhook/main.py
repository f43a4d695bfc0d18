"""The webhook service: verify a webhook of Sendcloud, store its event, then answer.

It listens on the public address for ``spec.webhook.path`` and nothing else, needs no Afterbuy and no Sendcloud, and
keeps storing events while the tenant is suspended. Without a signature key it runs, answers 503 and is not ready.
"""

import sys

from aftersend.sendcloud.credentials import SignatureKeys
from aftersend.service.run import run_part
from aftersend.service.runtime import Part, Runtime
from aftersend.stream.stream import Stream
from aftersend_webhook.handler import WebhookHandler


async def serve(runtime: Runtime) -> None:
    """Receive for one tenant until ``runtime.stop`` is set."""
    keys = runtime.secrets("sendcloud")
    handler = WebhookHandler(
        tenant=runtime.identity,
        keys=keys,
        stream=Stream(runtime.redis, tenant=runtime.identity, name="parcels", keyring=runtime.keyring),
        metrics=runtime.metrics,
    )

    async def ready() -> None:
        SignatureKeys.read(keys).check()

    runtime.health.set_fact("webhooks", handler.recent.fact)
    runtime.health.add_ready_check("signature-key", ready)
    runtime.public.mount(runtime.tenant.spec.webhook.path, handler.handle)
    await runtime.stop.wait()


PART = Part("webhook", serve)


def main() -> None:
    """Run the console script ``aftersend-webhook``."""
    sys.exit(run_part(PART))
