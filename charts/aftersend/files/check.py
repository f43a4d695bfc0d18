"""The release's test.

The operator is ready, the API server takes a good tenant and refuses a bad one (dry run), and where tenants have
PodMonitors something scrapes them.
"""

import json
import os
import pathlib
import ssl
import sys
import time
import urllib.error
import urllib.request

ACCOUNT = pathlib.Path(os.environ.get("ACCOUNT_DIR", "/var/run/secrets/kubernetes.io/serviceaccount"))
NAMESPACE = os.environ["NAMESPACE"]
API = f"https://{os.environ['KUBERNETES_SERVICE_HOST']}:{os.environ['KUBERNETES_SERVICE_PORT']}"
TENANTS = f"{API}/apis/aftersend.jj-ideenschmiede.de/v1/namespaces/{NAMESPACE}/aftersendtenants?dryRun=All"


def tenant(**redis: str) -> dict:
    """The smallest document."""
    return {
        "apiVersion": "aftersend.jj-ideenschmiede.de/v1",
        "kind": "AftersendTenant",
        "metadata": {"generateName": "helm-test-", "namespace": NAMESPACE},
        "spec": {
            "afterbuy": {"credentials": {"secretName": "none"}},
            "sendcloud": {"credentials": {"secretName": "none"}, "integration": "none"},
            "redis": redis,
        },
    }


def answer(document: dict) -> int:
    """Status of creating it without keeping it."""
    request = urllib.request.Request(
        TENANTS,
        json.dumps(document).encode(),
        {"Authorization": f"Bearer {(ACCOUNT / 'token').read_text()}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(
            request, timeout=10, context=ssl.create_default_context(cafile=ACCOUNT / "ca.crt")
        ) as got:
            return got.status
    except urllib.error.HTTPError as error:
        return error.code


def operator() -> tuple[int, dict]:
    """Status and facts of the operator; policies may learn the address of this pod only after its start."""
    for _ in range(60):
        try:
            with urllib.request.urlopen(f"{os.environ['OPERATOR']}/readyz?verbose", timeout=10) as got:
                return got.status, json.load(got)["operator"]
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)["operator"]
        except OSError:
            time.sleep(1)
    return 0, {}


def main() -> int:
    """Print one line per check."""
    status, facts = operator()
    checks = {"the operator is ready": status == 200}
    if facts.get("podMonitors"):
        checks["every tenant is scraped"] = not facts["unscraped"]
    checks["a good tenant is accepted"] = answer(tenant(mode="managed")) == 201
    checks["a bad tenant is refused"] = answer(tenant(mode="external")) == 422
    for name, passed in checks.items():
        print("ok    " if passed else "FAILED", name)
    if facts.get("podMonitors") and facts["unscraped"]:
        print(f"Nothing has read the metrics of these tenants for ten minutes: {', '.join(facts['unscraped'])}.")
        print("Give their PodMonitors the labels that your Prometheus selects by (tenants.podMonitorLabels, or")
        print("monitoring.labels for all), or let it in from its namespace (tenants.scrapeNamespaceSelector).")
    print("note   tenants are scraped only from namespaces labelled", os.environ["SCRAPERS"])
    return 0 if all(checks.values()) else 1


sys.exit(main())
