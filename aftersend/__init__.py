"""Aftersend: the shared core of the bridge between Afterbuy and Sendcloud.

The parts (exporter, webhook, writer, operator) import the core; it imports none of them. In reading order:

    errors, settings, secrets      errors by what to do about them; the environment; secret files that may change
    printable, undecodable         texts of others without what a terminal would obey; what decoding them may raise
    tenant                         the tenant document: model, rules, loading, status
    observe                        logs, traces and metrics without personal data
    redis, sealing                 connections, keys, leases; encryption of what is stored
    key_agreement                  the public half of a data key, with which the webhook seals
    key_folder, key_files          folders of keys: which opens, which seals; making keys
    iso3166                        countries and states by their codes, read from what people write
    afterbuy, sendcloud            the clients of both upstreams, with call_retries, circuit_breaker, backoff and loops
    stream                         events: consumer group, retries, dead letters
    ledger, order_ids              what is known of each order
    runs, run_reports              requests for exports and sweeps, and their results
    erasure, tenant_erasure        erase what is held of one order, or of a tenant
    audit                          what persons did through the commands
    service                        the frame of every service process
    handover                       credentials of a merchant, sealed in the browser
    report                         what a merchant wants to know of the last days
    backup, crd, cli               backups and restores; the custom resource definition; the command ``aftersend``
    compat                         workarounds for libraries
"""

__version__ = "0.1.0"
