"""``aftersend setup``: enter in Sendcloud what a person would type, after showing it.

    look ──> parts to change ──> show ──> agree ──> PATCH part by part ──> read again ──> test webhook ──> what is left

Nothing is changed while a look finds something wrong. A part that fails ends the changes; every field is then reported
as done or not, from what Sendcloud shows. A second run finds nothing to do.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from aiohttp import ClientSession

from aftersend.cli.confirm import confirmed
from aftersend.cli.exit_codes import FAILED, OK, print_error
from aftersend.cli.findings import Finding, show_findings
from aftersend.cli.output import show_json, show_text
from aftersend.cli.setup_changes import change
from aftersend.cli.setup_looks import Looked, feedback, look, webhook_address
from aftersend.cli.setup_plan import Change, changes_of, merchant_steps, wanted_parts
from aftersend.cli.signed_webhook import NOT_SENT, send_test_webhook
from aftersend.cli.tenant_context import TenantLocation, locate_for_check
from aftersend.cli.upstream_checks import UpstreamLimits, check_webhook, sendcloud_client
from aftersend.errors import Misconfigured
from aftersend.sendcloud.credentials import SignatureKeys
from aftersend.sendcloud.model import Integration, IntegrationChange
from aftersend.service.runtime import http_session
from aftersend.settings import read_public_address, read_upstream_limits
from aftersend.tenant.document import Spec
from aftersend.tenant.upstream_urls import is_loopback

_DONE = {True: "done", False: "NOT ", None: "?   "}


class SetupResult(msgspec.Struct, frozen=True, kw_only=True):
    """What ``setup --json`` prints."""

    integration: int | None
    changes: list[Change]
    checks: list[Finding]
    steps: list[str]


@dataclass(frozen=True, slots=True)
class Setup:
    """One run: the tenant, what it may call, and what was asked for."""

    location: TenantLocation
    session: ClientSession
    limits: UpstreamLimits
    address: str
    """What is entered as the webhook's address; empty if the document names no host."""
    dry_run: bool
    yes: bool
    is_quiet: bool
    """Prints nothing before the end."""

    async def run(self) -> SetupResult | None:
        """Look, show, change and test; None if the person at the terminal does not agree."""
        looked = await look(self.location, self.session, self.limits, self.address)
        self._show(looked.findings)
        before = looked.integration
        parts = wanted_parts(before, self._spec, self.address, allow_http=self.limits.allow_http) if before else []
        self._announce(looked, parts)
        if before is None or not looked.is_right or self.dry_run:
            as_it_stays = looked.is_right and not parts
            closing = self._state_of(before)[: None if as_it_stays else 1] if before else []
            self._show(closing)
            planned = changes_of(parts, before, before) if before else []
            return self._result(before, planned, [*looked.findings, *closing])
        if parts and not self._agreed(before, parts):
            return None
        return await self._carry_out(before, parts, looked.findings)

    def _agreed(self, before: Integration, parts: Sequence[IntegrationChange]) -> bool:
        changes = "; ".join(map(str, changes_of(parts, before, before)))
        return confirmed(f"Change integration {before.id} at Sendcloud ({changes})?", yes=self.yes)

    async def _carry_out(
        self, before: Integration, parts: Sequence[IntegrationChange], findings: list[Finding]
    ) -> SetupResult:
        changes: list[Change] = []
        closing: list[Finding] = []
        now: Integration | None = before
        if parts:
            changes, closing, now = await change(sendcloud_client(self.location, self.session), before, parts)
            self._say(*(f"{_DONE[each.done]}  {each}" for each in changes))
        if now:
            closing += [*self._state_of(now), *await self._test(now)]
        self._show(closing)
        return self._result(before, changes, [*findings, *closing])

    def _state_of(self, integration: Integration) -> list[Finding]:
        return [
            feedback(integration),
            check_webhook(integration, self._spec, allow_http=self.limits.allow_http),
        ]

    async def _test(self, integration: Integration) -> list[Finding]:
        """Send a test to the address that Sendcloud calls, if it is surely the tenant's own."""
        url = integration.webhook_url
        if not check_webhook(integration, self._spec, allow_http=self.limits.allow_http).ok:
            return []
        if not (self._spec.webhook.host or is_loopback(url)):
            return [NOT_SENT]
        return [await send_test_webhook(self.session, url, self._keys.usable[0])]

    def _announce(self, looked: Looked, parts: Sequence[IntegrationChange]) -> None:
        before = looked.integration
        if before and parts:
            self._say(f"to change at Sendcloud, integration {before.id} ({before.shop_name}):")
            self._say(*(f"      {each}" for each in changes_of(parts, before, before)))
        if not looked.is_right:
            self._say("nothing is changed before what is marked FAIL is cured")
        elif not parts:
            self._say("nothing to do at Sendcloud")

    def _result(self, integration: Integration | None, changes: list[Change], checks: list[Finding]) -> SetupResult:
        steps = merchant_steps(self._spec, self._keys)
        self._say("left to the merchant:", *(f"  [ ] {step}" for step in steps))
        found = integration.id if integration else None
        return SetupResult(integration=found, changes=changes, checks=checks, steps=steps)

    @property
    def _spec(self) -> Spec:
        return self.location.tenant.spec

    @property
    def _keys(self) -> SignatureKeys:
        return SignatureKeys.read(self.location.secrets("sendcloud"))

    def _show(self, findings: Sequence[Finding]) -> None:
        if not self.is_quiet:
            show_findings(findings)

    def _say(self, *lines: str) -> None:
        for line in lines if not self.is_quiet else ():
            show_text(line)


async def setup(
    file: Path | None, data_dir: Path, secrets_dir: Path | None, *, dry_run: bool, yes: bool, as_json: bool
) -> int:
    """Run the command; ``FAILED`` if something is wrong, was not changed, or was not agreed to."""
    if dry_run and yes:
        raise Misconfigured("--dry-run changes nothing, and --yes agrees to a change", cure="give one of them")
    location = locate_for_check(file, data_dir, secrets_dir)
    limits, address = UpstreamLimits(*read_upstream_limits()), webhook_address(location.tenant, read_public_address())
    async with http_session() as session:
        run = Setup(location, session, limits, address, dry_run=dry_run, yes=yes, is_quiet=as_json)
        result = await run.run()
    if result is None:
        print_error("nothing was changed")
        return FAILED
    if as_json:
        show_json(result)
    return FAILED if any(each.ok is False for each in result.checks) else OK
